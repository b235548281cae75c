"""A found flight, made of the contract's messages, and the wishes of a search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from google.type.money_pb2 import Money
from readback.flightdata.v1 import flights_pb2

from agent.language.meanings import TimeWindow


@dataclass(frozen=True, slots=True)
class FoundFlight:
    """A one-way itinerary `there`, or a round trip with the return itinerary `back`.

    In a round trip, the fare of `there` covers both itineraries. `offer` is the cheapest offer of a seller.
    """

    there: flights_pb2.Itinerary
    back: flights_pb2.Itinerary | None = None
    offer: flights_pb2.Offer | None = None

    @property
    def departure(self) -> flights_pb2.FlightEndpoint:
        """Place and time of the first departure."""
        return self.there.segments[0].departure

    @property
    def total(self) -> Money | None:
        """The price for all passengers; None if unknown."""
        return self.there.fare.total if self.there.fare.HasField("total") else None

    @property
    def per_adult(self) -> Money | None:
        """The price for one adult; None if unknown."""
        return self.there.fare.per_adult if self.there.fare.HasField("per_adult") else None

    @property
    def sold_out(self) -> bool:
        """True if too few seats are left for the party. Such a flight has `seats_left` but no fare."""
        few_seats = self.there.HasField("seats_left") or bool(self.back and self.back.HasField("seats_left"))
        return few_seats and not self.there.HasField("fare")


class HasCity(Protocol):
    """A place with the name of its city."""

    @property
    def city(self) -> str:
        """Name of the city."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Wishes of a search, in addition to route and day. Airlines are IATA codes.

    `window` is the time window of departure, `arrival` that of arrival, and
    `returning` that of the return flight's departure. `via` is the connecting place.
    `airline` is set if the caller wants exactly one, and `airlines` if any of several will do. `sort` is
    "cheapest", "fastest", "earliest" or "latest". `cabin` is "economy", "premium_economy", "business" or
    "first".
    """

    window: TimeWindow | None = None
    arrival: TimeWindow | None = None
    returning: TimeWindow | None = None
    airline: str | None = None
    airlines: tuple[str, ...] = ()
    without_airlines: tuple[str, ...] = ()
    nonstop: bool = False
    max_stops: int | None = None
    via: HasCity | None = None
    sort: str | None = None
    cabin: str | None = None
    passengers: int = 1
