"""A time of day is a time of leaving unless the words make it a time of arriving."""

from __future__ import annotations

import pytest

from agent.language.en.clock_times import find_times, window_of
from agent.language.en.leaving_or_arriving import split_times

pytestmark = pytest.mark.unit


def sides(text: str) -> tuple[tuple[str | None, str | None] | None, ...]:
    """Return the windows of leaving and of arriving."""
    windows = (window_of(pieces) for pieces in split_times(text, find_times(text)))
    plain = (window.to_json() if window else None for window in windows)
    return tuple(None if sides is None else (sides.get("from"), sides.get("to")) for sides in plain)


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("arriving before 9 am", None, "09:00"),
        ("land before nine", None, "09:00"),
        ("be there by six", None, "18:00"),
        ("be there by seven", None, "19:00"),
        ("be there by 07:00", None, "07:00"),
        ("get in after lunch", "13:00", None),
        ("get me there before noon", None, "12:00"),
        ("i need to be in delhi by 6 pm", None, "18:00"),
        ("i want to get to delhi by six", None, "18:00"),
        ("reach delhi on friday in the evening", "17:00", "21:00"),
        ("touching down around ten", "09:00", "11:00"),
        ("evening arrivals please", "17:00", "21:00"),
        ("a 6 pm arrival in delhi", "17:00", "19:00"),
        ("i need to fly to delhi and be there by six", None, "18:00"),
        ("i can't be there before nine", "09:00", None),
    ],
)
def test_words_for_being_there_make_a_time_one_of_arriving(
    words: str, start: str | None, end: str | None
) -> None:
    assert sides(words) == (None, (start, end))


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("before 9 am", None, "09:00"),
        ("leaving after six", "18:00", None),
        ("fly to delhi by 6 pm", None, "18:00"),
        ("i need to get to delhi in the morning", "05:00", "12:00"),
        ("i want to reach delhi but can leave after six only", "18:00", None),
        ("i'll be in chennai tomorrow and want to fly to delhi in the evening", "17:00", "21:00"),
        ("i arrive in chennai today. something in the evening", "17:00", "21:00"),
        ("make it after six", "18:00", None),
        ("it should be in the evening", "17:00", "21:00"),
        ("a morning departure", "05:00", "12:00"),
    ],
)
def test_other_times_are_of_leaving(words: str, start: str | None, end: str | None) -> None:
    assert sides(words) == ((start, end), None)


def test_both_are_found_in_one_sentence() -> None:
    assert sides("leaving after six and arriving before nine at night") == (("18:00", None), (None, "21:00"))
    assert sides("depart chennai 10 am arrive delhi by 2 pm") == (("09:00", "11:00"), (None, "14:00"))
