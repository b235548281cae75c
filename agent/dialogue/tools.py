"""What the dialogue may do in the world: four questions about flights, their answers, and how they can fail.

The JSON forms are those of the protobuf messages in `readback.flightdata.v1` with their field names, so that a page can draw a card from a
transcript entry and from a search alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Protocol
from zoneinfo import ZoneInfo

Day = date
"""For a class that has a `date` of its own."""


class ToolError(Exception):
    """A tool could not answer. `outcome` is the word that goes into the transcript."""

    outcome = "UNAVAILABLE"


class ToolUnavailable(ToolError):
    """The service or its providers could not be reached."""


class ToolRestricted(ToolError):
    """No provider does this, or none that our keys may ask."""

    outcome = "RESTRICTED"


class ToolUsedUp(ToolError):
    """What may be asked of the providers is used up."""

    outcome = "QUOTA_EXHAUSTED"

    def __init__(self, until: date | None = None) -> None:
        """`until` is the day from which more may be asked, None when the service didn't say."""
        super().__init__(until)
        self.until = until


class PlaceUnknown(ToolError):
    """No airport or city has this code."""

    outcome = "PLACE_UNKNOWN"


class SamePlace(ToolError):
    """Origin and destination are the same airport or city."""

    outcome = "SAME_PLACE"


class DateInPast(ToolError):
    """The day is over at the departure airport, where it is `today` now."""

    outcome = "DATE_IN_PAST"

    def __init__(self, today: date | None = None) -> None:
        """`today` is None when the service didn't say."""
        super().__init__("the date is in the past")
        self.today = today


class DateBeyondHorizon(ToolError):
    """The day is later than schedules are known; `last_date` is the last that is."""

    outcome = "DATE_BEYOND_HORIZON"

    def __init__(self, last_date: date | None = None) -> None:
        """`last_date` is None when the service didn't say."""
        super().__init__("the date is beyond the timetable")
        self.last_date = last_date


class FlightNotFound(ToolError):
    """No flight has this number on this day."""

    outcome = "FLIGHT_NOT_FOUND"


_TIMES = ("depart_from", "depart_until", "arrive_from", "arrive_until")


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFlightsRequest:
    """One search. Codes are IATA, `depart_date` is in the departure airport's zone, times are its local time, `sort` and `cabin` words.

    With a `return_date` journeys there and back are searched. Any of `carrier_codes` will do, none of `without_carrier_codes`.
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
        """The tool's arguments as a model would give them; what is not asked for is left out."""
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
class FlightStop:
    """One end of a flight: the airport, the instant (aware) and the airport's zone."""

    airport_code: str
    city: str
    time: datetime
    time_zone: str
    terminal: str = ""

    @property
    def local(self) -> datetime:
        """The time on the clock there."""
        return self.time.astimezone(ZoneInfo(self.time_zone))


@dataclass(frozen=True, slots=True)
class Segment:
    """One flight of one aircraft."""

    carrier_code: str
    carrier: str
    flight_number: str
    departure: FlightStop
    arrival: FlightStop
    duration: timedelta


@dataclass(frozen=True, slots=True)
class Price:
    """An amount of money: ISO 4217 code and exact amount."""

    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Itinerary:
    """Flights that fit, in the order of travel. `data` is the message it came from as JSON, kept whole for cards.

    Of a journey there and back it is the way there, with the way `back`; then the price is for both.
    """

    itinerary_id: str
    segments: tuple[Segment, ...]
    duration: timedelta
    total: Price | None
    per_passenger: Price | None
    sample: bool
    data: Mapping[str, Any] = field(compare=False, hash=False, repr=False)
    sold_out: bool = False
    back: Itinerary | None = None

    @property
    def departure(self) -> FlightStop:
        """Where and when the journey begins."""
        return self.segments[0].departure

    @property
    def arrival(self) -> FlightStop:
        """Where and when it ends."""
        return self.segments[-1].arrival

    @property
    def stops(self) -> int:
        """How many times one changes."""
        return len(self.segments) - 1


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """`outcome` "FOUND" or "EMPTY"; `total` fit, `total_unfiltered` fly that route that day at all. Of a `partial` answer, which a provider
    gave of the beginning of a listing only, nobody can say that it is all, or the first."""

    outcome: str
    itineraries: tuple[Itinerary, ...]
    total: int
    total_unfiltered: int
    sample: bool
    partial: bool = False


@dataclass(frozen=True, slots=True)
class FlightStatus:
    """How a flight does on `depart_date`. Estimates and actual times (aware) are None when unknown, as most are; `delay`, at departure, is
    zero when unknown.

    `state` is SCHEDULED, ON_TIME, DELAYED, EN_ROUTE, LANDED, CANCELLED or DIVERTED, anything else is unknown.
    """

    flight_number: str
    carrier: str
    depart_date: date
    state: str
    departure: FlightStop
    arrival: FlightStop
    estimated_departure: datetime | None
    estimated_arrival: datetime | None
    actual_departure: datetime | None
    actual_arrival: datetime | None
    delay: timedelta
    sample: bool
    data: Mapping[str, Any] = field(compare=False, hash=False, repr=False)


@dataclass(frozen=True, slots=True)
class RouteStatusRequest:
    """How flights of a route do. Codes are IATA; `date` None is today at the origin, `near` about when they leave on the clock there (of
    today's flights now)."""

    origin: str
    destination: str
    date: Day | None = None
    near: time | None = None
    max_results: int = 0

    def to_json(self) -> dict[str, Any]:
        """The tool's arguments as a model would give them."""
        given = {
            "origin": self.origin,
            "destination": self.destination,
            "date": self.date and self.date.isoformat(),
            "near": self.near and self.near.strftime("%H:%M"),
            "max_results": self.max_results or None,
        }
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class AirportFacts:
    """What is known of an airport."""

    code: str
    name: str
    city: str
    country: str
    time_zone: str
    elevation_feet: int
    data: Mapping[str, Any] = field(compare=False, hash=False, repr=False)


class Tools(Protocol):
    """The tools of the dialogue. Each raises `ToolUnavailable` when it can't be asked at all."""

    async def search_flights(self, request: SearchFlightsRequest) -> SearchAnswer:
        """Raises PlaceUnknown, SamePlace, DateInPast, DateBeyondHorizon."""
        ...

    async def flight_status(self, flight_number: str, depart_date: date | None) -> FlightStatus:
        """`depart_date` None means today at the departure airport. Raises FlightNotFound, DateBeyondHorizon."""
        ...

    async def route_status(self, request: RouteStatusRequest) -> Sequence[FlightStatus]:
        """Those that leave nearest to the time first, none when nobody flies. Raises PlaceUnknown, SamePlace, DateBeyondHorizon."""
        ...

    async def get_airport(self, code: str) -> AirportFacts:
        """Raises PlaceUnknown."""
        ...
