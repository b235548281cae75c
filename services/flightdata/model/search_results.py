"""A provider's answer to a search, and the results made from such answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from services.flightdata.model.fares import Fare
from services.flightdata.model.flights import Itinerary, Provenance


class Limit(Enum):
    """Something that a search left out or couldn't do as asked."""

    RESULTS = "results"
    """More itineraries fit than the caller asked for."""
    CONNECTIONS = "connections"
    """Connections were built only for the busiest airports of both places."""
    DAYS = "days"
    """Some days near the one asked for are in the past or beyond the schedules."""
    FLEXIBLE_LEGS = "flexible legs"
    """Flexible days were ignored because the journey has several legs."""
    JOURNEYS = "journeys"
    """Only the best itineraries of each leg were combined."""
    BAGS = "bags"
    """Prices of bags are unknown; fares don't include them."""
    PART = "part"
    """The provider answered in part: for the busiest airports, or the first pages of a long list."""


@dataclass(frozen=True, slots=True)
class Offer:
    """An itinerary at a seller's price, valid until `expires` (UTC). The same answer gives the same `id`.

    `tickets` above 1 are bought, missed and refunded separately. `return_id` is the itinerary back that is
    sold with it, empty for one way.
    """

    id: str
    itinerary_id: str
    seller: str
    fare: Fare
    expires: datetime
    provenance: Provenance
    tickets: int = 1
    return_id: str = ""


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """Two itineraries, by id, that are sold together at `fare` (None without a price)."""

    out: str
    back: str
    fare: Fare | None


@dataclass(frozen=True, slots=True)
class Found:
    """A provider's answer to a search, unordered; empty if there are no flights.

    Every offer's itinerary is among `itineraries`. `limits` says what the provider left out. The answer to a
    round-trip query holds `round_trips`, and itineraries of `leg` 0 and 1.
    """

    itineraries: Sequence[Itinerary]
    offers: Sequence[Offer] = ()
    limits: frozenset[Limit] = frozenset()
    round_trips: Sequence[RoundTrip] = ()


@dataclass(frozen=True, slots=True)
class Journey:
    """One itinerary for each leg, in the order of travel; `sold_at` is the fare if they are sold together."""

    itineraries: tuple[Itinerary, ...]
    sold_at: Fare | None = None

    @property
    def fare(self) -> Fare | None:
        """`sold_at`, or the sum of the fares; None if one is unknown or the currencies differ."""
        if self.sold_at:
            return self.sold_at
        total: Fare | None = None
        for fare in (itinerary.fare for itinerary in self.itineraries):
            if fare is None or (total and total.total.currency != fare.total.currency):
                return None
            total = total + fare if total else fare
        return total

    @property
    def sold_out(self) -> bool:
        """Any leg is sold out."""
        return any(itinerary.sold_out for itinerary in self.itineraries)


@dataclass(frozen=True, slots=True)
class Results:
    """Itineraries in the requested order (of journeys, leg by leg), their offers, and their combinations."""

    itineraries: Sequence[Itinerary]
    offers: Sequence[Offer] = ()
    journeys: Sequence[Journey] = ()
