"""The dialogue's tools: four queries of flight data, their answers and their errors.

Answers are messages of the contracts. The transcript has the same messages, so clients can draw flights from
a transcript entry as well as from a live search.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Protocol

from google.rpc.error_details_pb2 import ErrorInfo
from readback.conversation.v1 import entry_pb2
from readback.flightdata.v1 import flight_status_pb2, flights_pb2, places_pb2

from agent.dialogue.search_answer import SearchAnswer


class ToolError(Exception):
    """A tool call failed. `outcome` is its outcome in the transcript, and `info` the service's error."""

    outcome: ClassVar = entry_pb2.TOOL_OUTCOME_UNAVAILABLE
    info: ErrorInfo | None = None


class ToolUnavailable(ToolError):
    """The service or its providers can't be reached."""


class ToolRestricted(ToolError):
    """No configured provider offers this data, or the API keys don't permit it."""

    outcome = entry_pb2.TOOL_OUTCOME_RESTRICTED


@dataclass(eq=False)
class ToolUsedUp(ToolError):
    """The quota of the providers is exhausted. From the date `until` it is available again."""

    outcome = entry_pb2.TOOL_OUTCOME_QUOTA_EXHAUSTED
    until: date | None = None


class PlaceUnknown(ToolError):
    """No airport or city has this code."""

    outcome = entry_pb2.TOOL_OUTCOME_PLACE_NOT_FOUND


class SamePlace(ToolError):
    """Origin and destination are the same airport or city."""

    outcome = entry_pb2.TOOL_OUTCOME_SAME_PLACE


@dataclass(eq=False)
class DateInPast(ToolError):
    """The date of departure is in the past. `today` is the date at the departure airport."""

    outcome = entry_pb2.TOOL_OUTCOME_DATE_IN_PAST
    today: date | None = None


@dataclass(eq=False)
class DateBeyondHorizon(ToolError):
    """The date of departure is too far ahead. `last_date` is the last day with a known schedule."""

    outcome = entry_pb2.TOOL_OUTCOME_DATE_BEYOND_HORIZON
    last_date: date | None = None


class FlightNotFound(ToolError):
    """No flight has this flight number on this day."""

    outcome = entry_pb2.TOOL_OUTCOME_FLIGHT_NOT_FOUND


class Tools(Protocol):
    """The tools of the dialogue. Each can raise `ToolUnavailable`, `ToolRestricted` and `ToolUsedUp`."""

    async def search_flights(self, request: flights_pb2.SearchFlightsRequest) -> SearchAnswer:
        """Search flights. Raises PlaceUnknown, SamePlace, DateInPast, DateBeyondHorizon."""

    async def flight_status(
        self, request: flight_status_pb2.GetFlightStatusRequest
    ) -> flight_status_pb2.FlightStatus:
        """Return the status of a flight. Without a date, it is today at the flight's origin.

        Raises FlightNotFound, DateBeyondHorizon.
        """

    async def route_status(
        self, request: flight_status_pb2.ListRouteFlightStatusesRequest
    ) -> Sequence[flight_status_pb2.FlightStatus]:
        """Return the status of flights of a route, those nearest to the requested time first.

        Raises PlaceUnknown, SamePlace, DateBeyondHorizon.
        """

    async def get_airport(self, code: str) -> places_pb2.Airport:
        """Return an airport. Raises PlaceUnknown."""
