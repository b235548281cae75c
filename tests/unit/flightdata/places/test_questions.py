"""Twins are asked about in words that tell them apart; what is sure is not asked about."""

from __future__ import annotations

import pytest

from agent.language.en.spoken_forms import with_article
from services.flightdata.places import resolve
from services.flightdata.places.questions import clarifying

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("query", "question"),
    {
        "San José": "Did you mean San Jose in the United States, or San José in Costa Rica?",
        "Birmingham": "Did you mean Birmingham in the United Kingdom, or Birmingham in the United States?",
    }.items(),
)
def test_twins_are_told_apart_by_their_countries(query: str, question: str) -> None:
    assert clarifying(resolve(query)) == question


@pytest.mark.parametrize(
    ("country", "said"),
    [
        ("India", "India"),
        ("United Arab Emirates", "the United Arab Emirates"),
        ("The Netherlands", "the Netherlands"),
        ("Cayman Islands", "the Cayman Islands"),
        ("Dominican Republic", "the Dominican Republic"),
        ("Dominica", "Dominica"),
    ],
)
def test_a_country_is_said_with_its_article(country: str, said: str) -> None:
    assert with_article(country) == said


@pytest.mark.parametrize("query", ["Chennai", "MAA", "Sydney", "Hyderabad", "FRU"])
def test_what_is_sure_is_not_asked_about(query: str) -> None:
    assert clarifying(resolve(query)) == ""


@pytest.mark.parametrize(
    ("query", "home", "question"),
    [
        ("Hyderabad", "PK", "Did you mean Hyderabad in India, or Hyderabad in Pakistan?"),
        ("Sydney", "CA", "Did you mean Sydney in Australia, or Sydney in Canada?"),
        ("San José", "CR", "Did you mean San José in Costa Rica, or San Jose in the United States?"),
        (
            "Birmingham",
            "US",
            "Did you mean Birmingham in the United States, or Birmingham in the United Kingdom?",
        ),
    ],
)
def test_a_namesake_in_the_callers_country_is_not_confident(query: str, home: str, question: str) -> None:
    found = resolve(query, home_country=home)
    assert not found.confident
    assert clarifying(found) == question


@pytest.mark.parametrize(
    ("query", "home"), [("Paris", "US"), ("London", "CA"), ("Hyderabad", "IN"), ("Delhi", "US")]
)
def test_a_famous_place_and_one_at_home_are_confident(query: str, home: str) -> None:
    assert resolve(query, home_country=home).confident


def test_a_withdrawn_code_resolves_to_todays_airport() -> None:
    assert resolve("FRU").candidates[0].place.code == "BSZ"


def test_a_garble_is_asked_about_with_its_country() -> None:
    assert clarifying(resolve("cochi")) == "Did you mean Kochi in India, or Kochi in Japan?"


def test_cities_of_the_same_name_in_one_country_are_told_apart_by_their_airports() -> None:
    question = clarifying(resolve("springfield"))
    first, second = question.removeprefix("Did you mean ").removesuffix("?").split(", or ")
    assert first != second
    assert "Springfield in" not in question
