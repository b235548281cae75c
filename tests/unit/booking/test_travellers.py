"""Checks of travellers."""

from __future__ import annotations

from datetime import date

import pytest
from google.type.date_pb2 import Date

from mesh.errors import InvalidRequest
from services.booking.travellers import normalised
from tests.integration.booking.harness import person

pytestmark = pytest.mark.unit
TODAY = date(2026, 12, 1)


def test_a_traveller_is_stored_in_one_form() -> None:
    stored = normalised(person(given_name=" Asha  Devi ", phone_number="+91 (98765) 43210"), TODAY)
    assert (stored.given_name, stored.phone_number) == ("Asha Devi", "+919876543210")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("given_name", ""),
        ("title", 0),
        ("gender", 0),
        ("birth_date", Date(year=2026, month=12, day=2)),
        ("birth_date", Date(year=2025, month=2, day=29)),
        ("birth_date", Date(year=1890, month=1, day=1)),
        ("email", "asha@nowhere"),
        ("phone_number", "98765 43210"),
        ("phone_number", "+91 123"),
    ],
)
def test_a_field_that_cannot_be_right_is_named(field: str, value: object) -> None:
    with pytest.raises(InvalidRequest) as refused:
        normalised(person(**{field: value}), TODAY)
    assert [violation.field for violation in refused.value.violations] == [f"traveller.{field}"]


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(InvalidRequest) as refused:
        normalised(person(email="x", phone_number="y", family_name=""), TODAY)
    assert len(refused.value.violations) == 3
