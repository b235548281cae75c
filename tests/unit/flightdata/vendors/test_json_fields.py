"""Readers of vendors' JSON fields return harmless values for any input."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.flightdata.model import carriers
from services.flightdata.model.carriers import without_filler
from services.flightdata.vendors.flight_numbers import canonical, joined, operator, operator_named
from services.flightdata.vendors.json_fields import (
    code,
    integer,
    label,
    listing,
    mapping,
    name,
    objects,
    text,
    under,
)
from services.flightdata.vendors.plausibility import flies, is_test_carrier

pytestmark = pytest.mark.unit

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("  A12 ", "A12"),
        (7, "7"),
        (None, ""),
        (True, ""),
        ([], ""),
        ("a\x00b\ud800", "ab"),
        (-32317, "-32317"),
        ("x" * 900, "x" * 200),
        (1e300, ""),
    ],
)
def test_texts(value: Any, read: str) -> None:
    assert text(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("Nok Air (DD), Ltd.", "Nok Air (DD), Ltd."),
        ("Azores Airlines – São Miguel", "Azores Airlines São Miguel"),
        ("<b>Air</b>\n{India}", "b Air /b India"),
        ("x" * 900, "x" * 80),
        (None, ""),
    ],
)
def test_names_have_plain_characters(value: Any, read: str) -> None:
    assert name(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (" B12 ", "B12"),
        ("Terminal 2", "Terminal 2"),
        (4, "4"),
        ("10,11", "10,11"),
        ("x" * 13, ""),
        ("<b>", ""),
        ("B\u202e1", ""),
        (None, ""),
    ],
)
def test_labels_are_short_or_left_out(value: Any, read: str) -> None:
    assert label(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (12, 12),
        ("12", 12),
        (" -7 ", -7),
        (12.9, 12),
        (float("inf"), None),
        (float("nan"), None),
        ("1e3", None),
        ("٣", None),
        (True, None),
        (2**70, None),
    ],
)
def test_integers(value: Any, read: int | None) -> None:
    assert integer(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [("maa", "MAA"), ("MAAA", ""), ("", ""), (None, ""), ("M A", ""), ("мaa", ""), (123, "123")],
)
def test_codes(value: Any, read: str) -> None:
    assert code(value, 3) == read


def test_lists_in_lists_are_opened_once() -> None:
    assert list(objects([[{"a": 1}], {"b": 2}, "c", [["d"]], None])) == [{"a": 1}, {"b": 2}]
    assert list(objects({"a": 1})) == []


@settings(deadline=None)
@given(json_values)
def test_no_value_breaks_a_reading(value: Any) -> None:
    text(value).encode()
    integer(value)
    code(value, 2)
    mapping(value)
    listing(value)
    list(objects(value))
    under(value, "a", "b")


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("va832", "VA832"),
        ("AI 0542", "AI542"),
        ("6E2345", "6E2345"),
        ("AI542A", "AI542"),
        ("8K804", "8K804"),
        ("HMB", ""),
        ("12345", ""),
        ("", ""),
        ("AI 54321", ""),
        ("ＡＩ542", ""),
    ],
)
def test_flight_numbers_are_written_one_way(written: str, number: str) -> None:
    assert canonical(written) == number


def test_a_number_is_put_together_and_taken_apart() -> None:
    assert joined("AI", "0542") == "AI542"
    assert joined("", "542") == joined("DUFFEL", "1") == ""
    operated = operator("6E2345")
    assert operated is not None
    assert (operated.carrier_code, operated.flight) == ("6E", "6E2345")


@pytest.mark.parametrize(
    ("written", "number", "name"),
    [
        ("Iberia 123", "IB123", "Iberia"),
        ("BA 178", "BA178", "British Airways"),
        ("Somebody Air 12", "", "Somebody Air"),
        ("Iberia", "", "Iberia"),
    ],
)
def test_operators_by_name(written: str, number: str, name: str) -> None:
    operator = operator_named(written)
    assert operator
    assert (operator.flight, operator.carrier) == (number, name)


@pytest.mark.parametrize("written", ["-", "", "  ", "--", "123"])
def test_a_dash_is_no_operator(written: str) -> None:
    assert operator_named(written) is None


def test_carriers_have_our_names_where_we_know_them() -> None:
    assert carriers.name_of("AI", "empty") == "Air India"
    assert carriers.name_of("Q9", "somebody air") == "Somebody Air"
    assert carriers.name_of("Q9", "KLM Cityhopper") == "KLM Cityhopper"
    assert carriers.name_of("Q9", "empty") == "Q9"
    assert carriers.code_named("air india") == "AI"
    assert carriers.code_named("Nobody's Airline") == ""


@pytest.mark.parametrize(
    ("mode", "equipment", "flown"),
    [
        ("flight", "", True),
        ("TRANSPORT_MODE_FLIGHT", "", True),
        ("train", "", False),
        ("", "BUS", False),
        ("", "A20N", True),
        ("TRANSPORT_MODE_TRAIN", "", False),
    ],
)
def test_trains_and_coaches_are_no_flights(mode: str, equipment: str, flown: bool) -> None:
    assert flies(mode, equipment) is flown


def test_carriers_for_tests_are_known_by_code_and_name() -> None:
    assert is_test_carrier("DUFFEL", "")
    assert is_test_carrier("XX", "Duffel Airways")
    assert is_test_carrier("ZZ", "")
    assert not is_test_carrier("AI", "Air India")
    assert without_filler(" empty ") == without_filler("") == ""
