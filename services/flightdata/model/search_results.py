"""A provider's answer to a search, and the search results that are made from these answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from services.flightdata.model.fares import Fare
from services.flightdata.model.flights import Itinerary, Provenance


class Limit(Enum):
    """A part of the request that a search left out or couldn't fulfil."""

    RESULTS = "results"
    """More itineraries match than the caller asked for."""
    CONNECTIONS = "connections"
    """Connections were built only for the busiest airports of both places."""
    DAYS = "days"
    """Some of the flexible days are in the past or beyond the known schedules."""
    FLEXIBLE_LEGS = "flexible legs"
    """Flexible days were ignored because the journey has several legs."""
    JOURNEYS = "journeys"
    """Only the best itineraries of each leg were combined."""
    BAGS = "bags"
    """Prices of bags are unknown; fares don't include them."""
    PART = "part"
    """The answer is incomplete: it covers only the busiest airports, or the first pages of a long list."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Itineraries at a seller's price, valid until `expires` (UTC).

    `id` is stable: the same provider answer always gives the same id. `tickets` is the number of separate
    tickets; each is bought and refunded on its own, and a missed connection between them isn't covered.
    `itinerary_ids` are the itineraries that are sold together, in the order of travel.
    """

    id: str
    itinerary_ids: tuple[str, ...]
    seller: str
    fare: Fare
    expires: datetime
    provenance: Provenance
    tickets: int = 1


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """Two itineraries that are sold together. `out` and `back` are their ids; `fare` is None if unknown."""

    out: str
    back: str
    fare: Fare | None


@dataclass(frozen=True, slots=True)
class Found:
    """A provider's answer to a search. `itineraries` are unordered, and empty if there are no flights.

    The itinerary of every offer is in `itineraries`. `limits` are the parts that the provider left out. The
    answer to a round-trip query contains `round_trips`, and itineraries with `leg` 0 (out) and 1 (back).
    """

    itineraries: Sequence[Itinerary]
    offers: Sequence[Offer] = ()
    limits: frozenset[Limit] = frozenset()
    round_trips: Sequence[RoundTrip] = ()


@dataclass(frozen=True, slots=True)
class Journey:
    """One itinerary for each leg, in the order of travel. `sold_at` is the fare if all are sold together."""

    itineraries: tuple[Itinerary, ...]
    sold_at: Fare | None = None

    @property
    def fare(self) -> Fare | None:
        """`sold_at` if set, else the sum of all fares. None if a fare is unknown or the currencies differ."""
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
        """True if any leg is sold out."""
        return any(itinerary.sold_out for itinerary in self.itineraries)


@dataclass(frozen=True, slots=True)
class Results:
    """Itineraries in the requested order, their offers, and the journeys that combine them.

    If there are journeys, the itineraries are sorted leg by leg.
    """

    itineraries: Sequence[Itinerary]
    offers: Sequence[Offer] = ()
    journeys: Sequence[Journey] = ()
