"""Flights, prices and status, whoever says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum


class Cabin(Enum):
    """Class of travel."""

    ECONOMY = "economy"
    PREMIUM_ECONOMY = "premium economy"
    BUSINESS = "business"
    FIRST = "first"


class Sort(Enum):
    """How results are ordered."""

    EARLIEST = "earliest"
    CHEAPEST = "cheapest"
    FASTEST = "fastest"
    LATEST = "latest"


class State(Enum):
    """How a flight is doing."""

    SCHEDULED = "scheduled"
    ON_TIME = "on time"
    DELAYED = "delayed"
    EN_ROUTE = "en route"
    LANDED = "landed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who said so and when (UTC). A `sample` is invented: nobody flies it."""

    provider: str
    fetched: datetime
    cached: bool
    sample: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """A flight's end: `time` is an aware instant in the airport's own `zone` (IANA)."""

    airport: str
    city: str
    time: datetime
    zone: str
    terminal: str = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """One flight of one aircraft. `flight` is carrier code and number without a space."""

    carrier_code: str
    carrier: str
    flight: str
    departure: Stop
    arrival: Stop

    @property
    def duration(self) -> timedelta:
        """Gate to gate."""
        return self.arrival.time - self.departure.time


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in an ISO 4217 currency."""

    currency: str
    amount: Decimal

    def times(self, count: int) -> Money:
        """The amount for several."""
        return Money(self.currency, self.amount * count)


@dataclass(frozen=True, slots=True)
class Fare:
    """What it would cost, for one and for all."""

    per_passenger: Money
    total: Money
    cabin: Cabin


@dataclass(frozen=True, slots=True)
class Itinerary:
    """Flights that fit a request, in the order of travel. The same search gives the same `id`."""

    id: str
    segments: Sequence[Segment]
    fare: Fare | None
    provenance: Provenance

    @property
    def departure(self) -> Stop:
        """Where and when the journey begins."""
        return self.segments[0].departure

    @property
    def duration(self) -> timedelta:
        """First departure to last arrival."""
        return self.segments[-1].arrival.time - self.departure.time


@dataclass(frozen=True, slots=True)
class FlightStatus:
    """How one flight is doing on one day. Estimates are UTC, None when unknown; `delay` is at departure, zero when early."""

    segment: Segment
    depart_date: date
    state: State
    estimated_departure: datetime | None
    estimated_arrival: datetime | None
    delay: timedelta
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class PairQuery:
    """What a provider is asked: one airport to another on the day of departure there."""

    origin: str
    destination: str
    date: date
    cabin: Cabin = Cabin.ECONOMY
    passengers: int = 1


@dataclass(frozen=True, slots=True)
class Filters:
    """What of a provider's answer is wanted. A window that ends before it begins runs over midnight."""

    depart_from: time | None = None
    depart_until: time | None = None
    nonstop: bool = False
    carrier: str = ""

    def admit(self, itinerary: Itinerary) -> bool:
        """Whether an itinerary is wanted."""
        leaves = itinerary.departure.time.time()
        if self.nonstop and len(itinerary.segments) > 1:
            return False
        if self.carrier and any(segment.carrier_code != self.carrier for segment in itinerary.segments):
            return False
        if self.depart_from and self.depart_until and self.depart_until <= self.depart_from:
            return leaves >= self.depart_from or leaves < self.depart_until
        return (self.depart_from is None or leaves >= self.depart_from) and (self.depart_until is None or leaves < self.depart_until)
