"""Clauses: the parts of a growing text that can be spoken already."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.speech.text_to_speech import Clauses

pytestmark = pytest.mark.unit


def _cut(*pieces: str) -> list[str]:
    clauses = Clauses()
    return [clause for piece in pieces for clause in clauses.push(piece)] + clauses.finish()


def test_the_first_clause_comes_before_the_text_is_complete() -> None:
    assert Clauses().push("Sure, there are six flights") == ["Sure,"]


def test_short_later_clauses_are_joined() -> None:
    assert _cut("Sure, at six ten, at seven, and at eight thirty in the evening. Which one?") == [
        "Sure,",
        "at six ten, at seven, and at eight thirty in the evening.",
        "Which one?",
    ]


@pytest.mark.parametrize(
    "text", ["It leaves at 6 a.m. from Chennai.", "From St. Petersburg to Delhi.", "Flight no. J. twelve."]
)
def test_abbreviations_end_no_clause(text: str) -> None:
    assert _cut(text)[0].split()[-1] not in {"a.m.", "St.", "J."}


def test_amounts_and_times_are_not_cut() -> None:
    assert _cut("That is 5,210.50 rupees at 6:10 tomorrow") == ["That is 5,210.50 rupees at 6:10 tomorrow"]


def test_text_without_punctuation_is_cut_at_a_space_before_it_gets_long() -> None:
    clauses = _cut("word " * 100)
    assert len(clauses) > 1
    assert all(len(clause) <= 220 for clause in clauses)


def test_nothing_gives_nothing() -> None:
    assert _cut("", "  ", "\n") == []


@given(st.lists(st.text(alphabet="ab ,.!", max_size=30), max_size=12))
def test_no_word_is_lost_or_changed_however_the_text_arrives(pieces: list[str]) -> None:
    assert "".join(" ".join(_cut(*pieces)).split()) == "".join("".join(pieces).split())


@given(st.text(alphabet="abcdef ,.", max_size=200), st.integers(1, 9))
def test_clauses_do_not_depend_on_the_size_of_the_pieces_but_for_waiting(text: str, size: int) -> None:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert _cut(*pieces) == _cut(*text)
