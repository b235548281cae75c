"""Impossible flights are doubted, possible ones aren't."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.flightdata.model.flights import Doubt
from services.flightdata.model.instants import Instant
from services.flightdata.places.geography import block_minutes, distance_km
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.vendors.flight_state import Movement
from services.flightdata.vendors.plausibility import belongs_to, doubts, expected_block, is_possible

pytestmark = pytest.mark.unit

# Published block times in hours: with and against the jet stream, detours, turboprops, the longest flights.
PUBLISHED = [
    ("MAA", "DEL", 2.75), ("DEL", "JFK", 15.6), ("JFK", "DEL", 13.5), ("SIN", "JFK", 18.7),
    ("HEL", "NRT", 13.0), ("LHR", "JFK", 8.1), ("JFK", "LHR", 6.8), ("SYD", "LAX", 13.6),
    ("LAX", "SYD", 15.1), ("PEK", "YVR", 10.8), ("DXB", "AKL", 15.9), ("BOM", "PNQ", 0.9),
    ("MAA", "TRZ", 1.2), ("CDG", "LHR", 1.3), ("DOH", "DEL", 4.1), ("HNL", "OGG", 0.7),
    ("PER", "LHR", 17.4), ("BLR", "HYD", 1.2),
]  # fmt: skip


@pytest.mark.parametrize(("origin", "destination", "hours"), PUBLISHED)
def test_published_block_times_are_possible(
    lexicon: Lexicon, origin: str, destination: str, hours: float
) -> None:
    kilometres = distance_km(lexicon.airport(origin), lexicon.airport(destination))
    assert is_possible(timedelta(hours=hours), kilometres)


@pytest.mark.parametrize(
    ("origin", "destination", "hours"),
    [
        ("SGN", "KIX", 16.2),
        ("KHV", "PKC", 0.6),
        ("KTA", "LEA", -22.8),
        ("DOH", "DEL", 6.6),
        ("MAA", "DEL", 26.75),
        ("JFK", "LHR", 1.8),
        ("DEL", "BOM", 0),
    ],
)
def test_impossible_ones_are_doubted(lexicon: Lexicon, origin: str, destination: str, hours: float) -> None:
    kilometres = distance_km(lexicon.airport(origin), lexicon.airport(destination))
    leaves = Instant.of(datetime(2026, 11, 23, 12, tzinfo=UTC), "UTC")
    assert doubts(leaves, leaves.later(timedelta(hours=hours)), kilometres) == {Doubt.IMPOSSIBLE_DURATION}


def test_without_a_distance_only_the_order_can_be_wrong() -> None:
    leaves = Instant.of(datetime(2026, 11, 23, 12, tzinfo=UTC), "UTC")
    assert not doubts(leaves, leaves.later(timedelta(hours=30)), None)
    assert doubts(leaves, leaves.later(timedelta(hours=-1)), None)


def test_sample_flights_are_plausible(lexicon: Lexicon) -> None:
    for origin, destination, _ in PUBLISHED:
        here, there = lexicon.airport(origin), lexicon.airport(destination)
        assert is_possible(timedelta(minutes=block_minutes(here, there)), distance_km(here, there))


def test_the_expected_block_grows_with_the_distance() -> None:
    assert expected_block(0) == timedelta(minutes=45)
    assert expected_block(1600) == timedelta(hours=2, minutes=45)


@pytest.mark.parametrize(
    ("minutes", "contradicts"),
    [(0, False), (-30, False), (-60, False), (-99, True), (400, False), (36 * 60 + 1, True)],
)
def test_actual_times_must_fit_the_schedule(minutes: int, contradicts: bool) -> None:
    planned = Instant.of(datetime(2026, 9, 8, 1, tzinfo=UTC), "Asia/Bangkok")
    happened = planned.later(timedelta(minutes=minutes))
    assert belongs_to(planned, happened) is not contradicts
    assert (Movement(planned, actual=happened).plausible().actual is None) is contradicts
