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

    def __add__(self, other: Money) -> Money:
        """Both amounts. Raises ValueError for different currencies."""
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} don't add up")
        return Money(self.currency, self.amount + other.amount)

    def times(self, count: int) -> Money:
        """The amount for several."""
        return Money(self.currency, self.amount * count)

    def shared_by(self, count: int) -> Money:
        """The amount for one of several, to the hundredth."""
        return Money(self.currency, (self.amount / count).quantize(CENT, ROUND_HALF_UP))


@dataclass(frozen=True, slots=True)
class Fare:
    """What it would cost, for one adult (an average where only the total is known) and for all.

    `bags` are the checked bags for each passenger with a seat that the price holds, of those asked for.
    """

    per_passenger: Money
    total: Money
    cabin: Cabin
    bags: int = 0

    def __add__(self, other: Fare) -> Fare:
        """The fare of both, in one currency."""
        return Fare(
            self.per_passenger + other.per_passenger,
            self.total + other.total,
            self.cabin,
            min(self.bags, other.bags),
        )


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
