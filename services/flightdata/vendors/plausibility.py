"""Plausibility of vendors' rows: real flights of real carriers, at possible times.

Block time is close to the great-circle distance at 800 km/h plus 45 minutes. Of 147 AviationStack rows, with
times read in their zones, this rule separated the three impossible ones from all others.
"""

from __future__ import annotations

from datetime import timedelta

from services.flightdata.model.flights import Doubt
from services.flightdata.model.instants import Instant

CRUISE_KMH = 800.0
GROUND = timedelta(minutes=45)
LEAST_TOLERANCE, TOLERANCE = timedelta(hours=1), 0.35
"""Allowed difference from the expected block time, for turboprops, detours and the jet stream."""
EARLY = timedelta(minutes=60)
"""The most that a flight departs or arrives before its schedule."""
LATE = timedelta(hours=36)
"""The most that a flight is late; a larger difference means another day's flight."""
TEST_CARRIERS = frozenset({"DUFFEL", "ZZ"})
"""Carriers that exist in sandboxes only; "Duffel Airways" leaks into FlightAPI.io's responses for DEL-BLR."""
TEST_NAMES = frozenset({"duffel airways"})
SURFACE = frozenset({"BUS", "TRN", "TRS", "ICE", "TGV", "LMO", "BOT", "RFS"})
"""IATA equipment codes of vehicles on rails, roads and water."""
FLIGHT_MODES = frozenset({"", "flight", "transport_mode_flight"})


def is_test_carrier(code: str, name: str) -> bool:
    """Return True if a carrier exists only for tests."""
    return code.upper() in TEST_CARRIERS or name.casefold() in TEST_NAMES


def flies(mode: str, equipment: str = "") -> bool:
    """Return True if a mode of transport and an IATA equipment code describe a flight."""
    return mode.casefold() in FLIGHT_MODES and equipment.upper() not in SURFACE


def expected_block(kilometres: float) -> timedelta:
    """Return the usual block time, gate to gate, over a great-circle distance."""
    return timedelta(hours=kilometres / CRUISE_KMH) + GROUND


def is_possible(block: timedelta, kilometres: float) -> bool:
    """Return True if a flight over a distance can have this block time."""
    expected = expected_block(kilometres)
    return block > timedelta() and abs(block - expected) <= max(LEAST_TOLERANCE, expected * TOLERANCE)


def doubts(departure: Instant, arrival: Instant, kilometres: float | None) -> frozenset[Doubt]:
    """Check a flight's scheduled times; without a distance, only their order."""
    block = arrival - departure
    possible = block > timedelta() if kilometres is None else is_possible(block, kilometres)
    return frozenset() if possible else frozenset({Doubt.IMPOSSIBLE_DURATION})


def belongs_to(scheduled: Instant, moment: Instant) -> bool:
    """Return True if an estimated or actual time can belong to a scheduled one."""
    return -EARLY <= moment - scheduled <= LATE
