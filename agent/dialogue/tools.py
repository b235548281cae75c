"""The dialogue's tools: four queries of flight data, their answers and their errors.

Answers are messages of `readback.flightdata.v1`. The transcript stores them as JSON with protobuf's field
names, so the web app can show flight cards from a transcript entry as well as from a live search.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from readback.flightdata.v1 import flight_status_pb2, flights_pb2, places_pb2

from agent.language.found_flight import FoundFlight


class ToolError(Exception):
    """A tool call failed. `outcome` is its outcome in the transcript."""

    outcome = "UNAVAILABLE"


class ToolUnavailable(ToolError):
    """The service or its providers can't be reached."""


class ToolRestricted(ToolError):
    """No configured provider offers this data, or the API keys don't permit it."""

    outcome = "RESTRICTED"


@dataclass(eq=False)
class ToolUsedUp(ToolError):
    """The quota of the providers is exhausted. From the date `until` it is available again."""

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
    """The date of departure is in the past. `today` is the date at the departure airport."""

    outcome = "DATE_IN_PAST"
    today: date | None = None


@dataclass(eq=False)
class DateBeyondHorizon(ToolError):
    """The date of departure is too far ahead. `last_date` is the last day with a known schedule."""

    outcome = "DATE_BEYOND_HORIZON"
    last_date: date | None = None


class FlightNotFound(ToolError):
    """No flight has this flight number on this day."""

    outcome = "FLIGHT_NOT_FOUND"


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """Flights of a search. `outcome` is "FOUND" or "EMPTY".

    `total` is the number of flights that match, and `total_unfiltered` the number of flights on that route
    and day. A `partial` answer has only the beginning of a provider's list. So better flights may be missing.
    """

    outcome: str
    flights: tuple[FoundFlight, ...]
    total: int
    total_unfiltered: int
    sample: bool
    partial: bool = False


class Tools(Protocol):
    """The tools of the dialogue. Each can raise `ToolUnavailable`, `ToolRestricted` and `ToolUsedUp`."""

    async def search_flights(self, request: flights_pb2.SearchFlightsRequest) -> SearchAnswer:
        """Search flights. Raises PlaceUnknown, SamePlace, DateInPast, DateBeyondHorizon."""

    async def flight_status(
        self, flight_number: str, depart_date: date | None
    ) -> flight_status_pb2.FlightStatus:
        """Return the status of a flight. If `depart_date` is None, it is today at the flight's origin.

        Raises FlightNotFound, DateBeyondHorizon.
        """

    async def route_status(
        self, request: flight_status_pb2.ListRouteStatusRequest
    ) -> Sequence[flight_status_pb2.FlightStatus]:
        """Return the status of flights of a route, those nearest to the requested time first.

        Raises PlaceUnknown, SamePlace, DateBeyondHorizon.
        """

    async def get_airport(self, code: str) -> places_pb2.Airport:
        """Return an airport. Raises PlaceUnknown."""
