"""Cabins, money and fares."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum

CENT = Decimal("0.01")


class Cabin(Enum):
    """Class of travel."""

    ECONOMY = "economy"
    PREMIUM_ECONOMY = "premium economy"
    BUSINESS = "business"
    FIRST = "first"


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
