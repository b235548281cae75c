"""Folding, words and phonemes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.flightdata.places.spelled_codes import spelled_code
from services.flightdata.places.text_keys import fold, key, phonemes, words

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("name", "folded"),
    {
        "Zürich": "zurich",
        "São Paulo": "sao paulo",
        "Łódź": "lodz",
        "İzmir": "izmir",
        "Xi’an": "xi'an",
    }.items(),
)
def test_accents_fold_to_plain_letters(name: str, folded: str) -> None:
    assert fold(name) == folded


def test_spaces_and_hyphens_do_not_tell_names_apart() -> None:
    assert key("New York") == key("new-york") == key("NewYork") == "newyork"


def test_names_that_sound_the_same_share_their_phonemes() -> None:
    assert phonemes("cochi") == phonemes("kochi")
    assert phonemes("tomara") == phonemes("tomorrow")


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80))
def test_words_are_where_they_say_they_are(text: str) -> None:
    for word in words(text):
        assert text[word.start : word.end] == word.written
        assert word.folded


def test_punctuation_before_a_word_is_remembered() -> None:
    assert [word.after_break for word in words("no, not Delhi. Mumbai")] == [False, True, False, True]


@pytest.mark.parametrize(
    ("said", "code"),
    {
        "M A A": "MAA",
        "m. a. a.": "MAA",
        "mike alpha alpha": "MAA",
        "alfa lima alpha": "ALA",
        "M alpha A": None,
        "em ay ay": "MAA",
        "bee oh em": "BOM",
        "dee ee el": "DEL",
        "tee are zee": "TRZ",
        "see you there": None,
        "are you see": None,
        "M A": None,
        "A I 5": None,
    }.items(),
)
def test_three_letters_spell_a_code(said: str, code: str | None) -> None:
    assert spelled_code(words(said)) == code
