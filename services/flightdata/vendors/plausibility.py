"""Plausibility of a flight's times.

Block time is close to the great-circle distance at 800 km/h plus 45 minutes. Of 147 AviationStack rows, with
times read in their zones, this rule separated the three impossible ones from all others.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from services.flightdata.model.flights import Doubt
from services.flightdata.model.instants import Instant

CRUISE_KMH = 800.0
GROUND = timedelta(minutes=45)
LEAST_TOLERANCE, TOLERANCE = timedelta(hours=1), 0.35
"""Allowed difference from the expected block time: turboprops and detours are slower, the jet stream is
faster."""
EARLY = timedelta(minutes=60)
"""The most that a flight departs or arrives before its schedule."""
LATE = timedelta(hours=36)
"""The most that a flight is late; a larger difference means another day's flight."""


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


def contradictions(scheduled: Instant, *moments: Instant | None) -> Iterator[Doubt]:
    """Yield a doubt for each estimated or actual time that can't belong to the scheduled one."""
    for moment in moments:
        if moment is not None and not belongs_to(scheduled, moment):
            yield Doubt.CONTRADICTORY_TIMES
