"""A flight that was found, as the contract's messages, and the wishes it was searched with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from google.type.money_pb2 import Money
from readback.flightdata.v1 import flightdata_service_pb2 as pb

from agent.language.meanings import TimeWindow


@dataclass(frozen=True, slots=True)
class FoundFlight:
    """A one-way itinerary `there`, or a journey there and `back`; then the fare of `there` is for both.

    `offer` is the cheapest offer for it, None if no seller offers it.
    """

    there: pb.Itinerary
    back: pb.Itinerary | None = None
    offer: pb.Offer | None = None

    @property
    def departure(self) -> pb.Stop:
        """Place and time where the journey begins."""
        return self.there.segments[0].departure

    @property
    def total(self) -> Money | None:
        """The price for all passengers; None if unknown."""
        return self.there.fare.total if self.there.fare.HasField("total") else None

    @property
    def per_passenger(self) -> Money | None:
        """The price for one passenger; None if unknown."""
        return self.there.fare.per_passenger if self.there.fare.HasField("per_passenger") else None

    @property
    def sold_out(self) -> bool:
        """True if there are too few seats: providers report the seats left, but no fare."""
        few_seats = self.there.HasField("seats_left") or bool(self.back and self.back.HasField("seats_left"))
        return few_seats and not self.there.HasField("fare")


class HasCity(Protocol):
    """A place with the name of its city."""

    @property
    def city(self) -> str:
        """Name of the city."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Wishes for flights, besides route and day. Airlines are IATA codes.

    `window` are the times of departure, `arrival` those of arrival; `via` is the place to change at.
    `airline` is the only one wanted; any of `airlines` is fine. `sort` is "cheapest", "fastest", "earliest"
    or "latest"; `cabin` is "economy", "premium_economy", "business" or "first".
    """

    window: TimeWindow | None = None
    arrival: TimeWindow | None = None
    airline: str | None = None
    airlines: tuple[str, ...] = ()
    without_airlines: tuple[str, ...] = ()
    nonstop: bool = False
    max_stops: int | None = None
    via: HasCity | None = None
    sort: str | None = None
    cabin: str | None = None
    passengers: int = 1
