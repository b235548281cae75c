"""Number of travellers, cabin, stops and order."""

from __future__ import annotations

from datetime import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.language.en.choices import find_choice
from agent.language.en.cues import acts_of, opens_with
from agent.language.en.travellers import find_passengers
from agent.language.en.wishes import find_cabin, find_most_stops, find_nonstop, find_sort
from agent.language.meanings import Choice
from agent.language.spans import Found, lowered, masked, without_overlaps

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("for two", 2),
        ("for two people", 2),
        ("for 4 passengers please", 4),
        ("two tickets", 2),
        ("three seats", 3),
        ("one adult", 1),
        ("a ticket", 1),
        ("me and my wife", 2),
        ("my wife and i", 2),
        ("with my husband", 2),
        ("both of us", 2),
        ("the two of us", 2),
        ("family of four", 4),
        ("we are five", 5),
        ("just me", 1),
        ("two adults and one child", 3),
        ("with two kids and my wife", 4),
        ("two tickets for three people", 2),
        ("10 passengers", 10),
        ("for two from chennai", 2),
        ("three economy class tickets", 3),
        ("two one-way tickets", 2),
        ("one round trip flight ticket", 1),
        ("two first class seats", 2),
        ("me, my wife and our two kids", 4),
        ("my wife and two children", 3),
        ("my mom, dad and sister", 3),
        ("i, my brother and two friends", 4),
        ("my parents and i", 3),
        ("for my parents", 2),
        ("two of us and a baby", 3),
        ("me plus two", 3),
        ("half a dozen seats", 6),
        ("for a dozen", 12),
        ("there are 2 in my group", 2),
        ("my party has 4 people", 4),
        ("the number of passengers is 3", 3),
        ("the tickets needed are 2", 2),
        ("for three nights for two people", 2),
        ("for just one", 1),
        ("two tickets to delhi, no, three tickets", 3),
        ("two adults two children", 4),
        ("two adults, two children", 4),
        ("one adult one infant", 2),
        ("2 adults 1 child 1 infant", 4),
        ("two adults, one child and one infant", 4),
        ("my wife two kids and me", 4),
        ("four passengers, two adults and two children", 4),
        ("two of us, me and my wife", 2),
        ("four people including two kids", 4),
        ("3 tickets, of which one child", 3),
        ("find me two tickets", 2),
        ("for two , , the cheapest", 2),
    ],
)
def test_travellers_are_counted(words: str, count: int) -> None:
    found = find_passengers(words)
    assert found
    assert found.value == count


@pytest.mark.parametrize(
    "words",
    [
        "for two weeks",
        "for 3 days",
        "for three nights",
        "flights to delhi",
        "two stops",
        "there are two flights",
        "eight",
        "find one way tickets",
        "an economy ticket",
        "i'm visiting my mother",
    ],
)
def test_what_counts_no_travellers_is_left_alone(words: str) -> None:
    assert find_passengers(words) is None


@pytest.mark.parametrize(
    "words",
    [
        "me and my kids",
        "for my family",
        "with my friends",
        "my family and i",
        "me, my wife and my kids",
        "two adults and several children",
        "a few tickets",
        "two or three tickets",
        "more than two people",
        "for all of us",
        "for a group of friends",
        "a family trip",
    ],
)
def test_travellers_without_a_number_are_noticed_and_not_guessed(words: str) -> None:
    found = find_passengers(words)
    assert found
    assert found.value is None


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("my family of four", 4),
        ("me and my family, there are four of us", 4),
        ("two tickets for my kids", 2),
        ("with a couple of friends", 3),
    ],
)
def test_a_number_next_to_a_party_counts(words: str, count: int) -> None:
    found = find_passengers(words)
    assert found
    assert found.value == count


@pytest.mark.parametrize("words", ["i'm visiting my family", "staying with my friends", "to see my kids"])
def test_people_at_the_destination_do_not_travel(words: str) -> None:
    assert find_passengers(words) is None


def test_bare_number_counts_when_it_was_asked_for() -> None:
    found = find_passengers("eight please", asked=True)
    assert found
    assert found.value == 8


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("nonstop", True),
        ("non-stop only", True),
        ("a direct flight", True),
        ("without any stops", True),
        ("no layovers", True),
        ("without any kind of stopover", True),
        ("stops are fine", False),
        ("not necessarily direct", False),
        ("to delhi", None),
    ],
)
def test_stops(words: str, wanted: bool | None) -> None:
    found = find_nonstop(words)
    assert (found.value if found else None) is wanted


@pytest.mark.parametrize(
    ("words", "most"),
    [
        ("only with one stop", 1),
        ("one-stop flights", 1),
        ("two stops at most", 2),
        ("a single layover", 1),
        ("with 1 stop", 1),
    ],
)
def test_maximum_number_of_stops(words: str, most: int) -> None:
    found = find_most_stops(words)
    assert found is not None
    assert found.value == most


@pytest.mark.parametrize(
    "words", ["nonstop", "with a stop", "one stop in Dubai", "with one stop over Doha", "stop"]
)
def test_other_words_about_stops_set_no_maximum(words: str) -> None:
    assert find_most_stops(words) is None


@pytest.mark.parametrize(
    ("words", "sort"),
    [
        ("cheaper", "cheapest"),
        ("the lowest fare", "cheapest"),
        ("a good price", "cheapest"),
        ("quickest", "fastest"),
        ("first flight", "earliest"),
        ("something earlier", "earliest"),
        ("last flight", "latest"),
        ("later than six", None),
        ("first class", None),
    ],
)
def test_orders(words: str, sort: str | None) -> None:
    found = find_sort(words)
    assert (found.value if found else None) == sort


@pytest.mark.parametrize(
    ("words", "cabin"),
    [
        ("business", "business"),
        ("premium economy", "premium_economy"),
        ("in economy class", "economy"),
        ("first class", "first"),
        ("first-class", "first"),
        ("executive class", "business"),
        ("1st class", "first"),
        ("coach is fine", "economy"),
        ("economy premium", "premium_economy"),
        ("economy plus", "premium_economy"),
        ("premium eco", "premium_economy"),
        ("business or economy", None),
        ("business, no, economy", "economy"),
        ("not economy, business", "business"),
        ("a business tour", None),
        ("the first one", None),
        ("a business trip", None),
    ],
)
def test_cabins(words: str, cabin: str | None) -> None:
    found = find_cabin(words)
    assert (found.value if found else None) == cabin


@pytest.mark.parametrize(
    ("words", "json"),
    [
        ("the second one", {"ordinal": 2}),
        ("the last one", {"ordinal": -1}),
        ("the cheapest one", {"by": "cheapest"}),
        ("the indigo one", {"airline": "6E"}),
        ("the 6:15 one", {"time": "06:15"}),
        ("the 6 pm one", {"time": "18:00"}),
    ],
)
def test_choices_in_json_have_only_the_given_field(words: str, json: dict[str, object]) -> None:
    found = find_choice(words)
    assert found
    assert found.value.to_json() == json


@pytest.mark.parametrize(
    ("words", "choice"),
    [
        ("not the first one, the second one", Choice(ordinal=2)),
        ("not the indigo one, the air india one", Choice(airline="AI")),
        ("not the second one", None),
        ("i don't want a morning flight", None),
    ],
)
def test_a_rejected_flight_is_not_chosen(words: str, choice: Choice | None) -> None:
    found = find_choice(words)
    assert (found.value if found else None) == choice


def test_choice_by_time_of_day() -> None:
    assert Choice(time=time(6, 15)).to_json() == {"time": "06:15"}


@pytest.mark.parametrize(
    ("words", "names", "rest"),
    [
        ("yes please", ("affirm",), ""),
        ("no, mumbai", ("deny",), "mumbai"),
        ("okay thank you bye", ("affirm", "thanks", "goodbye"), ""),
        ("hi there, flights to delhi", ("greeting",), "flights to delhi"),
        ("um, please repeat that", ("repeat",), ""),
        ("more expensive seats", (), "more expensive seats"),
        ("thanks a lot", ("thanks",), ""),
        ("", (), ""),
    ],
)
def test_acts_are_removed_from_the_beginning(words: str, names: tuple[str, ...], rest: str) -> None:
    acts = acts_of(words)
    assert acts.rest == rest
    assert acts.names == names


def test_openings_are_found_after_politeness() -> None:
    assert opens_with("refine", "okay um what about mumbai")
    assert opens_with("correction", "no wait")
    assert not opens_with("correction", "flights to delhi")


def test_masking_moves_nothing() -> None:
    text = "flights tomorrow to delhi"
    assert masked(text, [Found(8, 16, None)]) == "flights ,        to delhi"


def test_longest_of_overlapping_pieces_is_kept() -> None:
    pieces = [Found(0, 3, "short"), Found(0, 8, "long"), Found(9, 12, "other")]
    assert [piece.value for piece in without_overlaps(pieces)] == ["long", "other"]


@settings(deadline=None)
@given(st.text(max_size=100))
def test_lower_case_keeps_every_position(text: str) -> None:
    assert len(lowered(text)) == len(text)


@settings(deadline=None)
@given(st.text(max_size=100))
def test_no_text_breaks_the_grammars(text: str) -> None:
    lower = lowered(text)
    for found in (
        find_passengers(lower),
        find_nonstop(lower),
        find_sort(lower),
        find_cabin(lower),
        find_choice(lower),
    ):
        assert found is None or 0 <= found.start <= found.end <= len(lower)
    assert len(acts_of(lower).rest) <= max(len(lower), 1)
