"""Flights and their status, whoever says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum

from services.flightdata.model.emissions import Emissions
from services.flightdata.model.fares import Fare
from services.flightdata.model.instants import Instant


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who said so and when (UTC). A `sample` is invented: nobody flies it. `vintage` is what the data describes when it isn't today."""

    provider: str
    fetched: datetime
    cached: bool = False
    sample: bool = False
    vintage: str = ""

    def age(self, now: datetime) -> timedelta:
        """How long ago it was said; never negative."""
        return max(timedelta(), now - self.fetched)


class Doubt(Enum):
    """Why a record isn't to be taken at its word."""

    IMPOSSIBLE_DURATION = "impossible duration"
    """No aircraft flies this distance in this time, or it would arrive before it left."""
    CONTRADICTORY_TIMES = "contradictory times"
    """What happened, as the vendor has it, doesn't go with what was planned."""


class State(Enum):
    """How a flight is doing."""

    UNKNOWN = "unknown"
    SCHEDULED = "scheduled"
    ON_TIME = "on time"
    DELAYED = "delayed"
    EN_ROUTE = "en route"
    LANDED = "landed"
    CANCELLED = "cancelled"
    DIVERTED = "diverted"


@dataclass(frozen=True, slots=True)
class Stop:
    """A flight's end: where, when it is planned, and where in the airport, each empty when unknown. `belt` is of an arrival."""

    airport: str
    city: str
    at: Instant
    terminal: str = ""
    gate: str = ""
    belt: str = ""

    @property
    def time(self) -> datetime:
        """The planned time, aware, on the clock of the airport."""
        return self.at.local

    @property
    def zone(self) -> str:
        """The airport's IANA zone."""
        return self.at.zone


@dataclass(frozen=True, slots=True)
class Operator:
    """Who flies an aircraft under somebody else's number: carrier code, name (may be empty) and its own flight number."""

    carrier_code: str
    carrier: str
    flight: str


@dataclass(frozen=True, slots=True)
class Segment:
    """One flight of one aircraft. `flight` is carrier code and number without a space.

    `operator` is None when the carrier flies it itself; `also_sold_as` are other carriers' numbers for the same aircraft.
    """

    carrier_code: str
    carrier: str
    flight: str
    departure: Stop
    arrival: Stop
    operator: Operator | None = None
    also_sold_as: tuple[str, ...] = ()
    aircraft: str = ""
    doubts: frozenset[Doubt] = frozenset()

    @property
    def duration(self) -> timedelta:
        """Gate to gate."""
        return self.arrival.at - self.departure.at

    @property
    def days_later(self) -> int:
        """How many days of the calendar the arrival is after the departure, each on its own clock (+1 for a night flight)."""
        return (self.arrival.time.date() - self.departure.time.date()).days


@dataclass(frozen=True, slots=True)
class Itinerary:
    """Flights that fit a request, in the order of travel. The same search gives the same `id`.

    `fare` is an indication (of offers, the cheapest), None when nobody named a price. `seats_left` is told when they are few, None when
    there are plenty or nobody says. `leg` counts the legs of the journey asked for from 0.
    """

    id: str
    segments: Sequence[Segment]
    fare: Fare | None
    provenance: Provenance
    seats_left: int | None = None
    emissions: Emissions | None = None
    leg: int = 0

    @property
    def sold_out(self) -> bool:
        """Whether there are too few seats for the party; then nobody names a price."""
        return self.seats_left is not None and self.fare is None

    @property
    def departure(self) -> Stop:
        """Where and when the journey begins."""
        return self.segments[0].departure

    @property
    def arrival(self) -> Stop:
        """Where and when it ends."""
        return self.segments[-1].arrival

    @property
    def duration(self) -> timedelta:
        """First departure to last arrival."""
        return self.arrival.at - self.departure.at

    @property
    def doubts(self) -> frozenset[Doubt]:
        """What is wrong with any of its segments."""
        return frozenset(doubt for segment in self.segments for doubt in segment.doubts)


@dataclass(frozen=True, slots=True)
class FlightStatus:
    """How one flight is doing on one day. Estimates and actual times are UTC, None when unknown.

    `delay` is at departure, zero when early; `vendor_state` is the provider's own word for `state`, as it came.
    """

    segment: Segment
    depart_date: date
    state: State
    estimated_departure: datetime | None
    estimated_arrival: datetime | None
    delay: timedelta
    provenance: Provenance
    actual_departure: datetime | None = None
    actual_arrival: datetime | None = None
    vendor_state: str = ""

    @property
    def leaves(self) -> datetime:
        """When it left or will, as far as is known: UTC."""
        return self.actual_departure or self.estimated_departure or self.segment.departure.at.utc

    @property
    def arrives(self) -> datetime:
        """When it arrived or will, as far as is known: UTC. Where nobody says, as late after the plan as it leaves."""
        return self.actual_arrival or self.estimated_arrival or self.segment.arrival.at.utc + self.delay
