"""Splitting and folding of words, for entries and queries alike."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.conversation.search import words as module
from services.conversation.search.words import MAX_LENGTH, folded_words, words_in

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Show flights, please!", ["show", "flights", "please"]),
        ("AI542 or 6E-2044?", ["ai542", "or", "6e", "2044"]),
        ("don't  \n STOP", ["don", "t", "stop"]),
        ("Zürich São Paulo Łódź", ["zurich", "sao", "paulo", "łodz"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("ﬁnal ①", ["final", "1"]),
        ("東京 行き", ["東京", "行き"]),
        ("a_b", ["a", "b"]),
        ('"NOT" (AND* NEAR/3 -x:y^2', ["not", "and", "near", "3", "x", "y", "2"]),
        ("", []),
        ("… — ?!", []),
    ],
)
def test_words_come_without_case_accents_and_punctuation(text: str, words: list[str]) -> None:
    assert folded_words(text) == words


def test_words_of_scripts_that_write_vowels_as_marks_stay_whole() -> None:
    assert len(folded_words("दिल्ली की उड़ान")) == 3
    assert folded_words("दिल्ली") != folded_words("दल")


def test_composed_and_decomposed_letters_are_the_same() -> None:
    assert folded_words("Zu\u0308rich") == folded_words("Zürich")


def test_a_very_long_word_is_cut() -> None:
    assert [len(word) for word in folded_words("x" * 1000)] == [MAX_LENGTH]


@given(st.text(max_size=200))
def test_every_word_has_its_position_and_no_query_operator(text: str) -> None:
    end = 0
    for word in words_in(text):
        assert end <= word.start < word.end <= len(text)
        end = word.end
        assert word.folded
        assert not set(word.folded) & set("\"'*^:()+-&|!<>\\ \t\n\0")


@given(st.text(max_size=50) | st.text("aé\u0301\u0345ß①ſ्क \x1c\x85\u2028_-", max_size=50))
def test_only_separators_split_words(text: str) -> None:
    parted = "".join(
        letter if letter.isalnum() or unicodedata.category(letter).startswith("M") else "\n"
        for letter in text
    ).split("\n")
    alone = [word for run in parted if run for word in folded_words(run)]
    assert folded_words(text) == alone
    assert [text[word.start : word.end] for word in words_in(text)] == [
        run for run in parted if run and folded_words(run)
    ]


def test_long_text_tests_each_different_letter_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[str]()

    def in_word(letter: str) -> bool:
        asked.append(letter)
        return letter.isalnum()

    monkeypatch.setattr(module, "_in_word", in_word)
    assert len(folded_words("a fare é, " * 2000)) == 6000
    assert len(asked) < 20_000 / 2, "less than once for every other letter"
