"""The protocol of flight providers.

The service never falls back from a failing provider to sample flights.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import Enum
from typing import Protocol

from services.flightdata.model.flights import FlightStatus
from services.flightdata.model.queries import FlightQuery
from services.flightdata.model.search_results import Found


class Capability(Enum):
    """A kind of request that a provider supports."""

    SEARCH = "search"
    """Flights between places on a day."""
    OFFERS = "offers"
    """Searches return prices with a seller."""
    CONNECTIONS = "connections"
    """Searches return connections, not only nonstop flights."""
    ROUND_TRIPS = "round trips"
    """Searches return round trips at one price."""
    STATUS = "status"
    """The status of a flight by its number."""
    ROUTE_STATUS = "route status"
    """The status of the flights between two airports."""
    BOARD = "board"
    """Departures or arrivals of one airport."""


class Direction(Enum):
    """The side of an airport's board."""

    DEPARTURES = "departures"
    ARRIVALS = "arrivals"


class FlightProvider(Protocol):
    """A source of flights. Its methods raise `ProviderError` and the errors named below, nothing else."""

    @property
    def name(self) -> str:
        """The name in provenance, for example `sample-timetable`."""
        ...

    @property
    def is_sample(self) -> bool:
        """True if its flights are invented."""
        ...

    def capabilities(self) -> frozenset[Capability]:
        """Return the supported requests; they shrink when a key's plan refuses a feature."""
        ...

    async def search(self, query: FlightQuery) -> Found:
        """Return the flights between places on one day, or round trips if the query has a day `back`."""
        ...

    async def status(self, flight: str, day: date | None) -> Sequence[FlightStatus]:
        """Return the status of each leg of a flight (`AI542`), in order.

        `day` is the day of departure at the origin; None means today there.

        Raises:
            FlightNotFound: the provider has no such flight on that day.
            DateBeyondHorizon: the schedules of that day are unknown.
        """
        ...

    async def route_status(self, origin: str, destination: str, day: date) -> Sequence[FlightStatus]:
        """Return the status of a day's flights between two airports, by departure; may be empty."""
        ...

    async def board(self, airport: str, direction: Direction, day: date) -> Sequence[FlightStatus]:
        """Return an airport's departures or arrivals of a day, by scheduled time; may be empty."""
        ...
