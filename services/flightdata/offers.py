"""Prices: an indication of what a journey costs, and an offer that somebody sells.

They are kept apart from itineraries: AviationStack knows flights and no prices, and FlightAPI.io knows several sellers of one itinerary.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from services.flightdata.cabins import Cabin
from services.flightdata.provenance import Provenance

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in an ISO 4217 currency."""

    currency: str
    amount: Decimal

    def times(self, count: int) -> Money:
        """The amount for several."""
        return Money(self.currency, self.amount * count)

    def shared_by(self, count: int) -> Money:
        """The amount for one of several, to the hundredth."""
        return Money(self.currency, (self.amount / count).quantize(CENT, ROUND_HALF_UP))


@dataclass(frozen=True, slots=True)
class Fare:
    """What it would cost, for one and for all."""

    per_passenger: Money
    total: Money
    cabin: Cabin


@dataclass(frozen=True, slots=True)
class Offer:
    """An itinerary at a price that a seller names until it `expires` (UTC). The same answer of a provider gives the same `id`.

    `url` leads to the seller; it goes stale and is never spoken. `tickets` above 1 are bought, missed and refunded separately.
    """

    id: str
    itinerary_id: str
    seller: str
    fare: Fare
    expires: datetime
    provenance: Provenance
    url: str = ""
    tickets: int = 1
