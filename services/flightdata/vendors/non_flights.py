"""Entries in vendors' data that aren't flights: sandbox carriers, trains, coaches and ferries."""

from __future__ import annotations

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
