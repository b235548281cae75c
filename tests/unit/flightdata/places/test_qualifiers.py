"""A state, a country or a city next to a place says which place is meant, and is no place of its own."""

from __future__ import annotations

import pytest

from services.flightdata.places import annotate

pytestmark = pytest.mark.unit


def _found(text: str) -> list[tuple[str, str]]:
    return [(found.text, found.resolution.candidates[0].place.code) for found in annotate(text)]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("flights to Hamilton, Ontario", ("Hamilton, Ontario", "YHM")),
        ("flights to Portland Maine", ("Portland Maine", "PWM")),
        ("flights to Portland, OR", ("Portland, OR", "PDX")),
        ("flights to Birmingham, Alabama", ("Birmingham, Alabama", "BHM")),
        ("flights to Birmingham in the morning", ("Birmingham", "BHX")),
        ("flights to Perth, Australia", ("Perth, Australia", "PER")),
        ("flights to Hyderabad, Pakistan", ("Hyderabad, Pakistan", "HDD")),
        ("flights to St. Petersburg, Florida", ("St. Petersburg, Florida", "PIE")),
        ("flights to Charleston, West Virginia", ("Charleston, West Virginia", "CRW")),
    ],
)
def test_a_state_or_country_chooses_the_place_before_it(text: str, place: tuple[str, str]) -> None:
    assert _found(text) == [place]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("from JFK in New York", "JFK"),
        ("from New York JFK", "JFK"),
        ("from LaGuardia Airport New York City", "LGA"),
        ("to Gatwick airport, London", "LGW"),
        ("to Las Vegas International Airport", "LAS"),
    ],
)
def test_an_airport_and_its_city_are_one_place(text: str, code: str) -> None:
    assert [place for _, place in _found(text)] == [code]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("from Boston to Washington", ["BOS", "WAS"]),
        ("from New York to Washington DC", ["NYC", "WAS"]),
        ("Goa in December", ["GOI"]),
        ("Portland or Seattle", ["PDX", "SEA"]),
        ("London, Paris", ["LON", "PAR"]),
    ],
)
def test_places_next_to_each_other_stay_apart(text: str, codes: list[str]) -> None:
    assert [place for _, place in _found(text)] == codes


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("SF", "SFO"),
        ("NY", "NYC"),
        ("LA", "LAX"),
        ("DC", "WAS"),
        ("Philly", "PHL"),
        ("Vegas", "LAS"),
        ("Chi-town", "CHI"),
        ("CDMX", "MEX"),
        ("KL", "KUL"),
        ("Rio", "RIO"),
        ("Bombay", "BOM"),
    ],
)
def test_nicknames_and_short_forms_are_known(said: str, code: str) -> None:
    assert [place for _, place in _found(f"a flight to {said} please")] == [code]


@pytest.mark.parametrize(
    "text",
    [
        "could you assist me in finding a ticket",
        "a flight for a group of us",
        "which oil is best for frying fish",
        "thank you for providing it",
        "yes, that is accurate",
        "how many calories are in pasta",
        "I want to select a window",
        "please transfer the money to savings",
    ],
)
def test_an_ordinary_word_is_no_garbled_place(text: str) -> None:
    assert _found(text) == []


def test_two_letters_spelled_are_a_code_whose_last_letter_was_merged() -> None:
    assert _found("M. A to D E. L.") == [("M. A", "MAA"), ("D E. L", "DEL")]
