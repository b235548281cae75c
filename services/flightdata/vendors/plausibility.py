"""Whether a flight can take as long as its times say.

Block time lies near great-circle distance ÷ 800 km/h + ¾ h. Of 147 rows counted from AviationStack this told the three impossible
ones from all others, once the times were read in their zones.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from services.flightdata.model.flights import Doubt
from services.flightdata.model.instants import Instant

CRUISE_KMH = 800.0
GROUND = timedelta(minutes=45)
LEAST_TOLERANCE, TOLERANCE = timedelta(hours=1), 0.35
"""How far from the expected a flight may be: turboprops, headwinds and closed airspace on one side, the jet stream on the other."""
EARLY = timedelta(minutes=60)
"""Nobody leaves so long before the plan."""
LATE = timedelta(hours=36)
"""A difference beyond which two times belong to two different days' flights."""


def expected_block(kilometres: float) -> timedelta:
    """How long a flight over a great-circle distance takes, gate to gate."""
    return timedelta(hours=kilometres / CRUISE_KMH) + GROUND


def is_possible(block: timedelta, kilometres: float) -> bool:
    """Whether a flight over a distance may take so long."""
    expected = expected_block(kilometres)
    return block > timedelta() and abs(block - expected) <= max(LEAST_TOLERANCE, expected * TOLERANCE)


def doubts(departure: Instant, arrival: Instant, kilometres: float | None) -> frozenset[Doubt]:
    """What is wrong with a flight's planned times; without a distance only their order can be."""
    block = arrival - departure
    possible = block > timedelta() if kilometres is None else is_possible(block, kilometres)
    return frozenset() if possible else frozenset({Doubt.IMPOSSIBLE_DURATION})


def contradictions(scheduled: Instant, *happened: Instant | None) -> Iterator[Doubt]:
    """A doubt for each estimate or actual time that can't belong to the plan."""
    for instant in happened:
        if instant is not None and not -EARLY <= instant - scheduled <= LATE:
            yield Doubt.CONTRADICTORY_TIMES
