"""A provider's answer to a search: itineraries, offers, round trips, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from services.flightdata.model.fares import Fare
from services.flightdata.model.flights import Itinerary, Provenance


class Limit(Enum):
    """One such thing."""

    RESULTS = "results"
    """More fit than were asked for."""
    CONNECTIONS = "connections"
    """Connections were built for the busiest airports of the two places only."""
    DAYS = "days"
    """Some of the days near the one asked for can't be flown on."""
    FLEXIBLE_LEGS = "flexible legs"
    """The day of a journey of several legs was not moved."""
    JOURNEYS = "journeys"
    """Of the ways to put legs together, the best of each leg were tried only."""
    BAGS = "bags"
    """Nobody says what bags cost; fares are without."""
    PART = "part"
    """The provider was asked for a part only: the busiest airports of a city, or the beginning of a long listing."""


@dataclass(frozen=True, slots=True)
class Offer:
    """An itinerary at a price that a seller names until it `expires` (UTC). The same answer of a provider gives the same `id`.

    `tickets` above 1 are bought, missed and refunded separately. `return_id` is the itinerary back that is sold with it, empty for one
    way.
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
    """Two itineraries by their ids, and the least that both cost together; None when nobody names a price."""

    out: str
    back: str
    fare: Fare | None


@dataclass(frozen=True, slots=True)
class Found:
    """A provider's answer to a search, in no order; both empty when there are no flights. An offer's itinerary is among them.

    `limits` tells what the provider left out. Asked for both ways, it holds `round_trips`, and itineraries of `leg` 0 and 1.
    """

    itineraries: Sequence[Itinerary]
    offers: Sequence[Offer] = ()
    limits: frozenset[Limit] = frozenset()
    round_trips: Sequence[RoundTrip] = ()
