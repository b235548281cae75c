"""Cabins, money and fares."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum


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


@dataclass(frozen=True, slots=True)
class Fare:
    """A price for the whole party and for one adult. The latter is None if the provider states only a total.

    `bags` is the number of included checked bags for each passenger with a seat, None if unknown. It counts
    only bags that the query asked for.
    """

    total: Money
    per_adult: Money | None
    cabin: Cabin
    bags: int | None = None

    def __add__(self, other: Fare) -> Fare:
        """Return the fare of both trips: the sum of the prices, and the smaller number of bags.

        Raises:
            ValueError: the currencies differ.
        """
        each = self.per_adult + other.per_adult if self.per_adult and other.per_adult else None
        bags = None if self.bags is None or other.bags is None else min(self.bags, other.bags)
        return Fare(self.total + other.total, each, self.cabin, bags)
