"""Numbers, digits and flight numbers, spoken and misrecognised."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.language.en.airlines import AIRLINES, find_airline_names
from agent.language.en.flight_numbers import find_flight_numbers
from agent.language.en.numbers import CARDINAL, ORDINAL, cardinal, ordinal, spoken_digits
from agent.language.en.spoken_forms import digits, flight, number
from agent.language.en.spoken_forms import ordinal as spoken_ordinal
from agent.language.spans import lowered

pytestmark = pytest.mark.unit


def flight_numbers(text: str) -> list[str]:
    return [found.value for found in find_flight_numbers(lowered(text), text)]


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("zero", 0),
        ("seven", 7),
        ("nineteen", 19),
        ("twenty", 20),
        ("twenty three", 23),
        ("ninety-nine", 99),
        ("42", 42),
    ],
)
def test_cardinals(words: str, value: int) -> None:
    assert re.fullmatch(CARDINAL, words)
    assert cardinal(words) == value


@settings(deadline=None)
@given(st.integers(1, 39))
def test_spoken_ordinals_are_read_back(value: int) -> None:
    words = spoken_ordinal(value)
    assert re.fullmatch(ORDINAL, words)
    assert ordinal(words) == value


@settings(deadline=None)
@given(st.integers(0, 99))
def test_spoken_cardinals_are_read_back(value: int) -> None:
    assert cardinal(number(value)) == value


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("five four two", "542"),
        ("five forty two", "542"),
        ("five for two", "542"),
        ("two one seven five", "2175"),
        ("twenty one seventy five", "2175"),
        ("double five six", "556"),
        ("eight triple one", "8111"),
        ("one oh six", "106"),
        ("one hundred and one", "101"),
        ("five hundred forty two", "542"),
        ("five hundred", "500"),
        ("5 4 2", "542"),
        ("542", "542"),
        ("five four two to delhi", "542"),
        ("five four two for tomorrow", "542"),
        ("542 for 2", "542"),
        ("delhi", ""),
        ("", ""),
    ],
)
def test_spoken_digits(words: str, value: str) -> None:
    assert spoken_digits(words)[0] == value


@settings(deadline=None)
@given(st.from_regex(r"[1-9][0-9]{0,3}", fullmatch=True))
def test_digits_spoken_one_by_one_are_read_back(numeral: str) -> None:
    assert spoken_digits(digits(numeral)) == (numeral, len(digits(numeral)))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A I five four two", "AI542"),
        ("A.I. 542", "AI542"),
        ("AI542", "AI542"),
        ("ai 542", "AI542"),
        ("AI-542", "AI542"),
        ("I five for two", "AI542"),
        ("is I-123 delayed", "AI123"),
        ("eye five four two", "AI542"),
        ("hey I five four two", "AI542"),
        ("6 E 2 3 4", "6E234"),
        ("6E 234", "6E234"),
        ("six e two one seven five", "6E2175"),
        ("indigo 234", "6E234"),
        ("Indigo six e two three four", "6E234"),
        ("air india five forty two", "AI542"),
        ("air india express one hundred and one", "IX101"),
        ("spice jet one zero six", "SG106"),
        ("Singapore Airlines 529", "SQ529"),
        ("flight B A one three nine", "BA139"),
        ("emirates flight number five four five", "EK545"),
        ("ba 0139", "BA139"),
        ("United 1", "UA1"),
        ("XQ 123 please", "XQ123"),
        ("Bravo Alpha one seventeen", "BA117"),
        ("six echo two zero one", "6E201"),
        ("A I zero zero five four two", "AI542"),
        ("Indigo 6 E201", "6E201"),
        ("IndiGo 6E 201", "6E201"),
        ("Air India AI 542", "AI542"),
    ],
)
def test_flight_number_is_understood(text: str, value: str) -> None:
    assert flight_numbers(text) == [value]


@pytest.mark.parametrize(
    "text",
    [
        "I want 2 tickets",
        "the Indigo one",
        "at 6 pm",
        "FLIGHTS TO DELHI ON 24 DECEMBER",
        "on 24 december",
        "I have 5 people",
        "I need two for three days",
        "me and my wife",
        "is 542 late",
        "flight 542",
        "AI 0",
    ],
)
def test_what_is_no_flight_number_is_left_alone(text: str) -> None:
    assert flight_numbers(text) == []


@settings(deadline=None)
@given(st.sampled_from(sorted(AIRLINES)), st.integers(10, 9999))
def test_every_spoken_flight_number_is_understood(code: str, numeral: int) -> None:
    assert flight_numbers(flight(f"{code}{numeral}")) == [f"{code}{numeral}"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("only indigo please", "6E"),
        ("air india express flights", "IX"),
        ("air india flights", "AI"),
        ("emirates airlines", "EK"),
        ("on lufthansa", "LH"),
    ],
)
def test_airline_is_understood(text: str, code: str) -> None:
    assert [found.value for found in find_airline_names(text)] == [code]


@settings(deadline=None)
@given(st.text(max_size=80))
def test_no_text_breaks_the_grammars(text: str) -> None:
    for found in find_flight_numbers(lowered(text), text):
        assert re.fullmatch(r"[A-Z0-9]{2}[1-9][0-9]{0,3}", found.value)
