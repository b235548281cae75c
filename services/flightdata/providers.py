"""What whoever knows flights has to answer. The service asks; it never falls back from a failing provider to invented flights."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from services.flightdata.flights import FlightStatus, Itinerary, PairQuery, Provenance


class FlightProvider(Protocol):
    """A source of flights."""

    @property
    def name(self) -> str:
        """As provenance says it, for example `sample-timetable`."""
        ...

    def provenance(self, now: datetime) -> Provenance:
        """What an empty answer given now carries."""
        ...

    async def search(self, query: PairQuery) -> Sequence[Itinerary]:
        """Flights of one airport pair on one day, in no order; empty when there are none."""
        ...

    async def status(self, flight: str, day: date | None) -> FlightStatus:
        """How a flight (`AI542`) is doing on its day of departure, today there when None.

        Raises:
            FlightNotFound: no such flight on that day.
            DateBeyondHorizon: schedules of that day aren't known.
        """
        ...
