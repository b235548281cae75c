"""Amounts of money in whole minor units."""

from __future__ import annotations

from collections.abc import Iterable

from google.type.money_pb2 import Money
from readback.booking.v1.quotes_pb2 import Amount

EXPONENTS = {
    **dict.fromkeys(("CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
"""Decimal digits of the currencies that don't have two (ISO 4217)."""
NANOS_DIGITS = 9


class InexactAmount(ValueError):
    """The amount has a fraction of a minor unit."""


def amount_of(money: Money) -> Amount:
    """Return an amount in minor units.

    Raises:
        InexactAmount: the amount has a fraction of a minor unit. Rounding would quote another price.
    """
    exponent = EXPONENTS.get(money.currency_code, 2)
    fraction, rest = divmod(money.nanos, 10 ** (NANOS_DIGITS - exponent))
    if rest:
        raise InexactAmount(f"{money.units}.{money.nanos:09} {money.currency_code}")
    return Amount(
        currency_code=money.currency_code,
        minor_units=money.units * 10**exponent + fraction,
        exponent=exponent,
    )


def total_of(amounts: Iterable[Amount]) -> Amount:
    """Return the sum of amounts in one currency. Raises ValueError for several currencies, or for none."""
    first, *others = amounts
    if any(other.currency_code != first.currency_code for other in others):
        raise ValueError("several currencies")
    return with_units(first, first.minor_units + sum(other.minor_units for other in others))


def with_units(amount: Amount, minor_units: int) -> Amount:
    """Return another amount in the same currency."""
    return Amount(currency_code=amount.currency_code, minor_units=minor_units, exponent=amount.exponent)


def percentage(amount: Amount, percent: int) -> Amount:
    """Return a share of an amount, rounded up to a whole major unit, as fees are."""
    major = 10**amount.exponent
    units = amount.minor_units * percent
    return with_units(amount, -(-units // (100 * major)) * major)
