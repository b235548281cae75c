"""Time on the ground between two flights, and what is unpleasant about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import pairwise

from services.flightdata.model.flights import Itinerary, Stop

NIGHT_FROM, NIGHT_UNTIL = time(1), time(5)
"""Whoever waits through all of this on the airport's clock waits overnight."""


@dataclass(frozen=True, slots=True)
class Layover:
    """Between the arrival of one flight and the departure of the next, which may be from another airport."""

    arrival: Stop
    departure: Stop

    @property
    def duration(self) -> timedelta:
        """How long it lasts."""
        return self.departure.at - self.arrival.at

    @property
    def changes_airport(self) -> bool:
        """Whether the next flight leaves from another airport."""
        return self.arrival.airport != self.departure.airport

    @property
    def overnight(self) -> bool:
        """Whether it lasts through the night there."""
        begins, ends = self.arrival.time.replace(tzinfo=None), self.departure.time.replace(tzinfo=None)
        night = begins.date() + timedelta(days=begins.time() > NIGHT_FROM)
        return ends >= datetime.combine(night, NIGHT_UNTIL)


def layovers(itinerary: Itinerary) -> Iterator[Layover]:
    """Between the segments, in their order."""
    for before, after in pairwise(itinerary.segments):
        yield Layover(before.arrival, after.departure)
