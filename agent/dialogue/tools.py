"""The dialogue's tools: four questions about flights, their answers and their errors.

Answers are messages of `readback.flightdata.v1`. The transcript keeps their JSON form with protobuf's field
names, so that flight cards can be drawn from a transcript entry and from a search alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from readback.flightdata.v1 import flightdata_service_pb2 as pb

from agent.language.found_flight import FoundFlight


class ToolError(Exception):
    """A tool call failed. `outcome` is its word in the transcript."""

    outcome = "UNAVAILABLE"


class ToolUnavailable(ToolError):
    """The service or its providers can't be reached."""


class ToolRestricted(ToolError):
    """No provider offers this, or our keys don't permit it."""

    outcome = "RESTRICTED"


@dataclass(eq=False)
class ToolUsedUp(ToolError):
    """The quota of the providers is exhausted; `until` is the day from which it is available again."""

    outcome = "QUOTA_EXHAUSTED"
    until: date | None = None


class PlaceUnknown(ToolError):
    """No airport or city has this code."""

    outcome = "PLACE_UNKNOWN"


class SamePlace(ToolError):
    """Origin and destination are the same airport or city."""

    outcome = "SAME_PLACE"


@dataclass(eq=False)
class DateInPast(ToolError):
    """The day is over at the departure airport, where the date is `today`."""

    outcome = "DATE_IN_PAST"
    today: date | None = None


@dataclass(eq=False)
class DateBeyondHorizon(ToolError):
    """The day is later than the last day with a known schedule, `last_date`."""

    outcome = "DATE_BEYOND_HORIZON"
    last_date: date | None = None


class FlightNotFound(ToolError):
    """No flight has this number on this day."""

    outcome = "FLIGHT_NOT_FOUND"


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """Flights of a search; `outcome` is "FOUND" or "EMPTY".

    `total` flights fit, and `total_unfiltered` fly that route that day. A `partial` answer covers only the
    beginning of a provider's list, so it can't be called complete, nor its first flight the best.
    """

    outcome: str
    flights: tuple[FoundFlight, ...]
    total: int
    total_unfiltered: int
    sample: bool
    partial: bool = False


class Tools(Protocol):
    """The tools of the dialogue. Each raises `ToolUnavailable` if it gets no answer."""

    async def search_flights(self, request: pb.SearchFlightsRequest) -> SearchAnswer:
        """Search flights. Raises PlaceUnknown, SamePlace, DateInPast, DateBeyondHorizon."""

    async def flight_status(self, flight_number: str, depart_date: date | None) -> pb.FlightStatus:
        """Return a flight's status; `depart_date` None is today at its origin.

        Raises FlightNotFound, DateBeyondHorizon.
        """

    async def route_status(self, request: pb.ListRouteStatusRequest) -> Sequence[pb.FlightStatus]:
        """Return flights of a route, closest to the time first.

        Raises PlaceUnknown, SamePlace, DateBeyondHorizon.
        """

    async def get_airport(self, code: str) -> pb.Airport:
        """Return an airport. Raises PlaceUnknown."""
