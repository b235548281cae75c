"""What whoever knows flights has to answer. The service asks; it never falls back from a failing provider to invented flights."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import Enum
from typing import Protocol

from services.flightdata.model.flights import FlightStatus
from services.flightdata.model.found import Found
from services.flightdata.model.queries import FlightQuery


class Capability(Enum):
    """What a provider can be asked."""

    SEARCH = "search"
    """Flights between places on a day."""
    OFFERS = "offers"
    """A search's answer comes with prices that somebody sells at."""
    CONNECTIONS = "connections"
    """Flights between places by way of others, not only those without a stop."""
    ROUND_TRIPS = "round trips"
    """Out and back, sold together at one price."""
    STATUS = "status"
    """How a flight does, by its number."""
    ROUTE_STATUS = "route status"
    """How the flights between two airports do."""
    BOARD = "board"
    """Departures or arrivals of one airport."""


class Direction(Enum):
    """Which side of an airport's board."""

    DEPARTURES = "departures"
    ARRIVALS = "arrivals"


class FlightProvider(Protocol):
    """A source of flights. Whatever it raises is a `ProviderError` or one of the errors named below."""

    @property
    def name(self) -> str:
        """As provenance says it, for example `sample-timetable`."""
        ...

    @property
    def is_sample(self) -> bool:
        """Whether its flights are invented."""
        ...

    def capabilities(self) -> frozenset[Capability]:
        """What it can be asked now, as far as is known; it changes when a key's plan refuses something."""
        ...

    async def search(self, query: FlightQuery) -> Found:
        """Flights between places on one day, or, with a day `back`, round trips."""
        ...

    async def status(self, flight: str, day: date | None) -> Sequence[FlightStatus]:
        """How a flight (`AI542`) is doing on its day of departure, today there when None; a row for each of its legs, in order.

        Raises:
            FlightNotFound: no such flight on that day.
            DateBeyondHorizon: schedules of that day aren't known.
        """
        ...

    async def route_status(self, origin: str, destination: str, day: date) -> Sequence[FlightStatus]:
        """How the flights between two airports do on a day, in the order they leave; empty when there are none."""
        ...

    async def board(self, airport: str, direction: Direction, day: date) -> Sequence[FlightStatus]:
        """The departures or arrivals of an airport on a day, in the order they are planned; empty when there are none."""
        ...
