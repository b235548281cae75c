"""Flights, itineraries and flight status, from any provider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum

from services.flightdata.model.fares import Fare
from services.flightdata.model.instants import Instant

NIGHT_FROM, NIGHT_UNTIL = time(1), time(5)
"""Start and end of the night, in local time. A layover is overnight if it lasts from start to end."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """The provider of a record and the time it was fetched (UTC).

    `sample` marks invented flights. `vintage` names the period that the data describes if it isn't current.
    """

    provider: str
    fetched: datetime
    cached: bool = False
    sample: bool = False
    vintage: str = ""

    def age(self, now: datetime) -> timedelta:
        """Return the time since the record was fetched, at least zero."""
        return max(timedelta(), now - self.fetched)


class Doubt(Enum):
    """A reason not to trust a record."""

    IMPOSSIBLE_DURATION = "impossible duration"
    """No aircraft flies this distance in this time, or the arrival is before the departure."""
    CONTRADICTORY_TIMES = "contradictory times"
    """The vendor's estimated or actual times don't fit its planned times."""


class State(Enum):
    """State of a flight."""

    UNKNOWN = "unknown"
    SCHEDULED = "scheduled"
    ON_TIME = "on time"
    DELAYED = "delayed"
    EN_ROUTE = "en route"
    LANDED = "landed"
    CANCELLED = "cancelled"
    DIVERTED = "diverted"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A departure or an arrival. `at` is the planned time.

    `terminal`, `gate` and `belt` (the baggage belt of an arrival) are empty if unknown.
    """

    airport: str
    city: str
    at: Instant
    terminal: str = ""
    gate: str = ""
    belt: str = ""

    @property
    def time(self) -> datetime:
        """The planned local time, aware."""
        return self.at.local

    @property
    def zone(self) -> str:
        """The airport's IANA zone."""
        return self.at.zone


def is_overnight(arrival: Endpoint, departure: Endpoint) -> bool:
    """Return whether the layover between two flights lasts through the local night."""
    begins, ends = arrival.time.replace(tzinfo=None), departure.time.replace(tzinfo=None)
    night = begins.date() + timedelta(days=begins.time() > NIGHT_FROM)
    return ends >= datetime.combine(night, NIGHT_UNTIL)


@dataclass(frozen=True, slots=True)
class Operator:
    """The airline that operates a codeshare: its carrier code, name (may be empty) and own flight number."""

    carrier_code: str
    carrier: str
    flight: str


@dataclass(frozen=True, slots=True)
class Segment:
    """One flight of one aircraft. `flight` is the carrier code and the number, without a space.

    `operator` is None if the carrier operates the flight itself. `also_sold_as` holds the flight
    numbers under which other carriers sell this flight.
    """

    carrier_code: str
    carrier: str
    flight: str
    departure: Endpoint
    arrival: Endpoint
    operator: Operator | None = None
    also_sold_as: tuple[str, ...] = ()
    aircraft: str = ""
    doubts: frozenset[Doubt] = frozenset()

    @property
    def duration(self) -> timedelta:
        """Planned time from gate to gate (block time)."""
        return self.arrival.at - self.departure.at

    @property
    def days_later(self) -> int:
        """Days from the local departure date to the local arrival date, for example 1 for a night flight."""
        return (self.arrival.time.date() - self.departure.time.date()).days


@dataclass(frozen=True, slots=True)
class Itinerary:
    """The segments of one trip, in the order of travel.

    `id` is stable: the same search always gives the same id. `fare` is indicative: the cheapest offer if
    there are several, None if no price is known. `seats_left` is set only if few seats are left. `leg` is the
    0-based leg of the query. `emissions` is in grams of CO2 equivalent for each passenger.
    """

    id: str
    segments: Sequence[Segment]
    fare: Fare | None
    provenance: Provenance
    seats_left: int | None = None
    emissions: int | None = None
    leg: int = 0

    @property
    def sold_out(self) -> bool:
        """True if too few seats are left for the party. Such an itinerary has `seats_left` but no fare."""
        return self.seats_left is not None and self.fare is None

    @property
    def departure(self) -> Endpoint:
        """The first departure."""
        return self.segments[0].departure

    @property
    def arrival(self) -> Endpoint:
        """The last arrival."""
        return self.segments[-1].arrival

    @property
    def duration(self) -> timedelta:
        """Time from the first departure to the last arrival."""
        return self.arrival.at - self.departure.at

    @property
    def days_later(self) -> int:
        """Days from the local date of the first departure to the local date of the last arrival."""
        return (self.arrival.time.date() - self.departure.time.date()).days

    @property
    def doubts(self) -> frozenset[Doubt]:
        """The doubts about all segments."""
        return frozenset(doubt for segment in self.segments for doubt in segment.doubts)


@dataclass(frozen=True, slots=True)
class FlightStatus:
    """Status of one flight on one day. Estimated and actual times are UTC, or None if unknown.

    `delay` is the departure delay: zero if early, None if unknown. `vendor_state` is the state in the
    provider's own words.
    """

    segment: Segment
    departure_date: date
    state: State
    estimated_departure: datetime | None
    estimated_arrival: datetime | None
    delay: timedelta | None
    provenance: Provenance
    actual_departure: datetime | None = None
    actual_arrival: datetime | None = None
    vendor_state: str = ""

    @property
    def leaves(self) -> datetime:
        """The best known departure time (UTC): actual, else estimated, else planned."""
        return self.actual_departure or self.estimated_departure or self.segment.departure.at.utc

    @property
    def arrives(self) -> datetime:
        """The best known arrival time (UTC): actual, else estimated, else planned plus departure delay."""
        return (
            self.actual_arrival
            or self.estimated_arrival
            or self.segment.arrival.at.utc + (self.delay or timedelta())
        )
