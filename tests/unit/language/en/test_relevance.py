"""Words that no request for flights needs are counted, and whole utterances are taken for what they do."""

from __future__ import annotations

import pytest

from agent.language.en.ordinary_words import frequency, is_ordinary
from agent.language.en.place_roles import unknown_places
from agent.language.en.relevance import foreign_words, loose_act

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "text", ["i would like to fly on", "we have to be back by then", "can you find me the cheapest one"]
)
def test_words_of_a_request_are_not_foreign(text: str) -> None:
    assert foreign_words(text) == 0


@pytest.mark.parametrize(
    ("text", "count"), [("which museums are open", 2), ("the meeting is at my desk", 2), ("play a song", 2)]
)
def test_words_about_other_things_are_counted(text: str, count: int) -> None:
    assert foreign_words(text) == count


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("it was lovely speaking with you", "goodbye"),
        ("alright then, bye for now", "goodbye"),
        ("i'm so grateful for all of that", "thanks"),
        ("could you say it once more", "repeat"),
        ("which topics do you know", "help"),
        ("that isn't correct", "deny"),
        ("i think that is true", "affirm"),
        ("how are you today", "greeting"),
    ],
)
def test_a_whole_utterance_is_taken_for_what_it_does(text: str, act: str) -> None:
    assert loose_act(text) == act


def test_an_utterance_about_something_else_performs_no_act() -> None:
    assert loose_act("the capital of mongolia") is None


def test_names_of_places_are_no_ordinary_words() -> None:
    assert frequency("london") == 0.0
    assert not is_ordinary("kolkata")
    assert is_ordinary("chicken")


def test_ordinary_words_in_the_position_of_a_place_are_no_unknown_place() -> None:
    assert unknown_places("i want to purchase a ticket to timbakali", []) == {"destination": "timbakali"}
