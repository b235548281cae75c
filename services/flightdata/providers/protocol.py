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
    """Searches for flights between places on a day."""
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
    """Departures or arrivals of an airport."""

    DEPARTURES = "departures"
    ARRIVALS = "arrivals"


class FlightProvider(Protocol):
    """A source of flights. Its methods raise only `ProviderError` and the errors listed in each method."""

    @property
    def name(self) -> str:
        """The provider's name in `Provenance`, for example `sample-timetable`."""
        ...

    @property
    def is_sample(self) -> bool:
        """True if the provider's flights are invented."""
        ...

    def capabilities(self) -> frozenset[Capability]:
        """Return the supported kinds of requests, without those that the key's plan was found to exclude."""
        ...

    async def search(self, query: FlightQuery) -> Found:
        """Return the flights between places on one day, or round trips if the query has a day `back`."""
        ...

    async def status(self, flight: str, day: date | None) -> Sequence[FlightStatus]:
        """Return the status of each leg of a flight, for example `AI542`, in the order of travel.

        `day` is the local departure day at the origin; None means today.

        Raises:
            FlightNotFound: the provider has no such flight on that day.
            DateBeyondHorizon: the schedules of that day are unknown.
        """
        ...

    async def route_status(self, origin: str, destination: str, day: date) -> Sequence[FlightStatus]:
        """Return the status of a day's flights between two airports, sorted by departure; may be empty."""
        ...

    async def board(self, airport: str, direction: Direction, day: date) -> Sequence[FlightStatus]:
        """Return an airport's departures or arrivals of a day, sorted by scheduled time; may be empty."""
        ...
