"""Amounts, ages, digests and codes."""

from __future__ import annotations

import hashlib
from datetime import date

import pytest
from google.type.money_pb2 import Money
from readback.booking.v1.quotes_pb2 import (
    PASSENGER_KIND_ADULT,
    PASSENGER_KIND_CHILD,
    PASSENGER_KIND_INFANT,
    Amount,
    QuoteTerms,
)

from services.booking.model.amounts import InexactAmount, amount_of, percentage, total_of
from services.booking.model.codes import new_code
from services.booking.model.digests import canonical_json, digest_of
from services.booking.model.passengers import age_on, kind_at

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("money", "minor_units", "exponent"),
    [
        (Money(currency_code="INR", units=4123, nanos=500_000_000), 412350, 2),
        (Money(currency_code="JPY", units=4123), 4123, 0),
        (Money(currency_code="KWD", units=1, nanos=5_000_000), 1005, 3),
    ],
)
def test_amounts_are_exact(money: Money, minor_units: int, exponent: int) -> None:
    amount = amount_of(money)
    assert (amount.minor_units, amount.exponent) == (minor_units, exponent)


def test_a_fraction_of_a_minor_unit_is_not_rounded() -> None:
    with pytest.raises(InexactAmount):
        amount_of(Money(currency_code="JPY", units=1, nanos=500_000_000))


def test_several_currencies_have_no_sum() -> None:
    with pytest.raises(ValueError, match="several"):
        total_of([Amount(currency_code="INR"), Amount(currency_code="USD")])


@pytest.mark.parametrize(("minor_units", "fee"), [(500000, 125000), (500001, 125100), (0, 0)])
def test_a_fee_is_rounded_up_to_whole_units(minor_units: int, fee: int) -> None:
    price = Amount(currency_code="INR", minor_units=minor_units, exponent=2)
    assert percentage(price, 25).minor_units == fee


@pytest.mark.parametrize(
    ("birth", "day", "age"),
    [
        (date(2014, 12, 2), date(2026, 12, 1), 11),
        (date(2014, 12, 1), date(2026, 12, 1), 12),
        (date(2024, 2, 29), date(2026, 2, 28), 1),
        (date(2024, 2, 29), date(2026, 3, 1), 2),
    ],
)
def test_age_in_whole_years(birth: date, day: date, age: int) -> None:
    assert age_on(birth, day) == age


@pytest.mark.parametrize(
    ("age", "kind"),
    [
        (0, PASSENGER_KIND_INFANT),
        (1, PASSENGER_KIND_INFANT),
        (2, PASSENGER_KIND_CHILD),
        (11, PASSENGER_KIND_CHILD),
        (12, PASSENGER_KIND_ADULT),
    ],
)
def test_kind_by_age(age: int, kind: int) -> None:
    assert kind_at(age) == kind


def test_the_digest_is_the_sha_256_of_canonical_json() -> None:
    terms = QuoteTerms(quote_id="q", total=Amount(currency_code="INR", minor_units=412350, exponent=2))
    written = b'{"quoteId":"q","total":{"currencyCode":"INR","exponent":2,"minorUnits":"412350"}}'
    assert canonical_json(terms) == written
    assert digest_of(terms) == hashlib.sha256(written).hexdigest()


@pytest.mark.parametrize("field", [field.name for field in QuoteTerms.DESCRIPTOR.fields])
def test_the_digest_covers_every_field(field: str) -> None:
    empty, filled = QuoteTerms(), QuoteTerms()
    descriptor = QuoteTerms.DESCRIPTOR.fields_by_name[field]
    if descriptor.is_repeated:
        getattr(filled, field).add()
    elif descriptor.message_type:
        getattr(filled, field).SetInParent()
    else:
        setattr(filled, field, {"kind": 1, "sandbox": True}.get(field, "x"))
    assert digest_of(filled) != digest_of(empty)


def test_codes_have_no_characters_that_sound_or_look_alike() -> None:
    codes = {new_code() for _ in range(200)}
    assert len(codes) == 200
    assert not set("".join(codes)) & set("IO01")
