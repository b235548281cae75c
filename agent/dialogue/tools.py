"""The dialogue's tools: four questions about flights, their answers and their errors.

Answers are messages of `readback.flightdata.v1`. The transcript keeps their JSON form with protobuf's field
names, so that flight cards can be drawn from a transcript entry and from a search alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any, Protocol

from readback.flightdata.v1 import flightdata_service_pb2 as pb

from agent.language.found_flight import FoundFlight

Day = date
"""An alias for classes with a field called `date`."""


class ToolError(Exception):
    """A tool call failed. `outcome` is its word in the transcript."""

    outcome = "UNAVAILABLE"


class ToolUnavailable(ToolError):
    """The service or its providers can't be reached."""


class ToolRestricted(ToolError):
    """No provider offers this, or our keys don't permit it."""

    outcome = "RESTRICTED"


class ToolUsedUp(ToolError):
    """The quota of the providers is exhausted."""

    outcome = "QUOTA_EXHAUSTED"

    def __init__(self, until: date | None = None) -> None:
        """Set the day from which the quota is available again; None if unknown."""
        super().__init__(until)
        self.until = until


class PlaceUnknown(ToolError):
    """No airport or city has this code."""

    outcome = "PLACE_UNKNOWN"


class SamePlace(ToolError):
    """Origin and destination are the same airport or city."""

    outcome = "SAME_PLACE"


class DateInPast(ToolError):
    """The day is over at the departure airport, where the date is `today`."""

    outcome = "DATE_IN_PAST"

    def __init__(self, today: date | None = None) -> None:
        """Set the date at the departure airport; None if unknown."""
        super().__init__("the date is in the past")
        self.today = today


class DateBeyondHorizon(ToolError):
    """The day is later than the last day with a known schedule, `last_date`."""

    outcome = "DATE_BEYOND_HORIZON"

    def __init__(self, last_date: date | None = None) -> None:
        """Set the last day with a known schedule; None if unknown."""
        super().__init__("the date is beyond the timetable")
        self.last_date = last_date


class FlightNotFound(ToolError):
    """No flight has this number on this day."""

    outcome = "FLIGHT_NOT_FOUND"


_TIMES = ("depart_from", "depart_until", "arrive_from", "arrive_until")


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFlightsRequest:
    """Arguments of a search. Codes are IATA, dates and times are local, `sort` and `cabin` are words.

    With a `return_date`, the search is for journeys there and back. Any of `carrier_codes` is fine, none of
    `without_carrier_codes`.
    """

    origin: str
    destination: str
    depart_date: date
    return_date: date | None = None
    depart_from: time | None = None
    depart_until: time | None = None
    arrive_from: time | None = None
    arrive_until: time | None = None
    nonstop: bool = False
    max_stops: int | None = None
    via: str = ""
    carrier_code: str = ""
    carrier_codes: tuple[str, ...] = ()
    without_carrier_codes: tuple[str, ...] = ()
    sort: str = ""
    cabin: str = ""
    passengers: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return the arguments as a model would write them, without those at their defaults."""
        given = {
            "origin": self.origin,
            "destination": self.destination,
            "depart_date": self.depart_date.isoformat(),
            "return_date": self.return_date and self.return_date.isoformat(),
            **{name: (moment := getattr(self, name)) and moment.strftime("%H:%M") for name in _TIMES},
            "nonstop": self.nonstop or None,
            "max_stops": self.max_stops,
            "via": self.via or None,
            "carrier_code": self.carrier_code or None,
            "carrier_codes": list(self.carrier_codes) or None,
            "without_carrier_codes": list(self.without_carrier_codes) or None,
            "sort": self.sort or None,
            "cabin": self.cabin or None,
            "passengers": self.passengers if self.passengers > 1 else None,
        }
        return {name: value for name, value in given.items() if value is not None}


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


@dataclass(frozen=True, slots=True)
class RouteStatusRequest:
    """Arguments of a question about the flights of a route. Codes are IATA.

    `date` None is today at the origin; `near` is a local time of departure, None for now.
    """

    origin: str
    destination: str
    date: Day | None = None
    near: time | None = None
    max_results: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the arguments as a model would write them."""
        given = {
            "origin": self.origin,
            "destination": self.destination,
            "date": self.date and self.date.isoformat(),
            "near": self.near and self.near.strftime("%H:%M"),
            "max_results": self.max_results or None,
        }
        return {name: value for name, value in given.items() if value is not None}


class Tools(Protocol):
    """The tools of the dialogue. Each raises `ToolUnavailable` if it gets no answer."""

    async def search_flights(self, request: SearchFlightsRequest) -> SearchAnswer:
        """Search flights. Raises PlaceUnknown, SamePlace, DateInPast, DateBeyondHorizon."""
        ...

    async def flight_status(self, flight_number: str, depart_date: date | None) -> pb.FlightStatus:
        """Return a flight's status; `depart_date` None is today at its origin.

        Raises FlightNotFound, DateBeyondHorizon.
        """
        ...

    async def route_status(self, request: RouteStatusRequest) -> Sequence[pb.FlightStatus]:
        """Return flights of a route, closest to the time first.

        Raises PlaceUnknown, SamePlace, DateBeyondHorizon.
        """
        ...

    async def get_airport(self, code: str) -> pb.Airport:
        """Return an airport. Raises PlaceUnknown."""
        ...
