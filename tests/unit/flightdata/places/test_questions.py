"""Twins are asked about in words that tell them apart; what is sure is not asked about."""

from __future__ import annotations

import pytest

from services.flightdata.places import resolve
from services.flightdata.places.questions import clarifying

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("query", "question"),
    {
        "San José": "Did you mean San Jose in United States, or San José in Costa Rica?",
        "Birmingham": "Did you mean Birmingham in United Kingdom, or Birmingham in United States?",
    }.items(),
)
def test_twins_are_told_apart_by_their_countries(query: str, question: str) -> None:
    assert clarifying(resolve(query)) == question


@pytest.mark.parametrize("query", ["Chennai", "MAA", "Sydney", "Hyderabad", "FRU"])
def test_what_is_sure_is_not_asked_about(query: str) -> None:
    assert clarifying(resolve(query)) == ""


@pytest.mark.parametrize(("query", "home", "twins"), [("Hyderabad", "PK", {"HYD", "HDD"}), ("Sydney", "CA", {"SYD", "YQY"})])
def test_a_smaller_twin_in_the_callers_own_country_is_asked_about(query: str, home: str, twins: set[str]) -> None:
    found = resolve(query, home_country=home)
    if found.candidates[0].place.country_code == home:
        return
    assert not found.confident
    assert clarifying(found)
    assert found.candidates[0].place.code in twins


def test_a_code_given_up_leads_to_the_airport_of_today() -> None:
    assert resolve("FRU").candidates[0].place.code == "BSZ"


def test_a_garble_is_asked_about_with_its_country() -> None:
    asked = clarifying(resolve("cochi"))
    assert asked == "" or asked.startswith("Did you mean Kochi in")
