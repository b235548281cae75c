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
        """Return the sum. Raises ValueError for different currencies."""
        if self.currency != other.currency:
            raise ValueError(f"can't add {self.currency} and {other.currency}")
        return Money(self.currency, self.amount + other.amount)

    def times(self, count: int) -> Money:
        """Return the amount multiplied by `count`."""
        return Money(self.currency, self.amount * count)

    def shared_by(self, count: int) -> Money:
        """Return the amount divided by `count`, rounded to cents."""
        return Money(self.currency, (self.amount / count).quantize(CENT, ROUND_HALF_UP))


@dataclass(frozen=True, slots=True)
class Fare:
    """A price for one adult (an average if only the total is known) and for the whole party.

    `bags` is the number of included checked bags for each passenger with a seat, None if unknown. It counts
    only bags that the query asked for.
    """

    per_passenger: Money
    total: Money
    cabin: Cabin
    bags: int | None = None

    def __add__(self, other: Fare) -> Fare:
        """Return the fare of both trips: the sum of the prices, and the smaller number of bags.

        Raises:
            ValueError: the currencies differ.
        """
        each, total = self.per_passenger + other.per_passenger, self.total + other.total
        bags = None if self.bags is None or other.bags is None else min(self.bags, other.bags)
        return Fare(each, total, self.cabin, bags)
