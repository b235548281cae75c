"""What vendors list among flights and nobody can fly: carriers that exist for tests, trains, coaches, and rows without a number."""

from __future__ import annotations

TEST_CARRIERS = frozenset({"DUFFEL", "ZZ"})
"""Codes of carriers that exist in sandboxes only; "Duffel Airways" leaks into FlightAPI.io's answers for DEL-BLR."""
TEST_NAMES = frozenset({"duffel airways"})
SURFACE = frozenset({"BUS", "TRN", "TRS", "ICE", "TGV", "LMO", "BOT", "RFS"})
"""IATA equipment codes of what runs on rails, roads and water."""
FLIGHT_MODES = frozenset({"", "flight", "transport_mode_flight"})
NO_CARRIER = frozenset({"", "empty", "private", "unknown"})
"""What AviationStack writes where it has no carrier's name."""


def is_test_carrier(code: str, name: str) -> bool:
    """Whether a carrier exists only for tests."""
    return code.upper() in TEST_CARRIERS or name.casefold() in TEST_NAMES


def flies(mode: str, equipment: str = "") -> bool:
    """Whether a segment of a mode of transport, with an IATA equipment code, is flown."""
    return mode.casefold() in FLIGHT_MODES and equipment.upper() not in SURFACE


def carrier_name(name: str) -> str:
    """A carrier's name; empty when the vendor only fills the field."""
    return "" if name.strip().casefold() in NO_CARRIER else name.strip()
