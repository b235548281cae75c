"""Lines are said in the order given, across the kinds of lines."""

from __future__ import annotations

import pytest

from cli.calls.script import Line, in_given_order

pytestmark = pytest.mark.unit


def test_order_is_kept_across_kinds() -> None:
    given = ["call", "--say", "one", "--wav", "two.wav", "--text", "three", "--say", "four", "--json"]
    assert in_given_order(given) == [
        Line("say", "one"),
        Line("wav", "two.wav"),
        Line("text", "three"),
        Line("say", "four"),
    ]


def test_both_spellings_of_an_option_are_understood() -> None:
    assert in_given_order(["--say=a=b", "--text", "c"]) == [Line("say", "a=b"), Line("text", "c")]


def test_words_that_look_like_options_are_words() -> None:
    assert in_given_order(["--out", "--say", "--text", "--say"]) == [Line("text", "--say")]


def test_nothing_counts_after_the_end_of_options() -> None:
    assert in_given_order(["--say", "a", "--", "--say", "b"]) == [Line("say", "a")]
