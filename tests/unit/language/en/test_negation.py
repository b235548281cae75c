"""Callers withdraw a return flight or a day."""

from __future__ import annotations

import pytest

from agent.language.en.dates import find_dates
from agent.language.en.negation import find_one_way, find_other_day

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "words",
    [
        "just one way",
        "make it one-way",
        "a single ticket",
        "only the way there",
        "no return",
        "no return flight please",
        "without the return",
        "forget the return",
        "forget about the way back",
        "drop the return",
        "get rid of the return",
        "don't bother with the return",
        "i don't need a return",
        "no need for a return flight",
        "not a round trip",
        "i'm not coming back",
        "i'm not returning",
    ],
)
def test_a_return_is_withdrawn(words: str) -> None:
    assert find_one_way(words)


@pytest.mark.parametrize(
    "words",
    [
        "returning friday",
        "the way back",
        "round trip, not one way",
        "not returning on monday",
        "i'm not coming back friday",
    ],
)
def test_other_words_about_a_return_keep_it(words: str) -> None:
    assert find_one_way(words, find_dates(words)) is None


@pytest.mark.parametrize(
    "words", ["another day", "any other day", "a different date", "later in the week", "earlier that week"]
)
def test_another_day_is_asked_for_without_a_name(words: str) -> None:
    assert find_other_day(words)


def test_the_other_day_is_past() -> None:
    assert find_other_day("i flew the other day") is None
