"""Times of day become windows of local time."""

from __future__ import annotations

from datetime import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.language.en.clock_times import find_times, window_of
from agent.language.meanings import TimeWindow

pytestmark = pytest.mark.unit


def window(text: str) -> tuple[str | None, str | None] | None:
    found = window_of(find_times(text))
    sides = found.to_json() if found else None
    return None if sides is None else (sides.get("from"), sides.get("to"))


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("morning", "05:00", "12:00"),
        ("in the morning", "05:00", "12:00"),
        ("early morning", "04:00", "08:00"),
        ("early in the morning", "04:00", "08:00"),
        ("first thing in the morning", "04:00", "08:00"),
        ("afternoon", "12:00", "17:00"),
        ("late afternoon", "15:00", "18:00"),
        ("this evening", "17:00", "21:00"),
        ("at night", "20:00", None),
        ("tonight", "18:00", None),
        ("late night", "22:00", None),
        ("red eye", "22:00", None),
        ("later in the day", "12:00", None),
        ("later that day", "12:00", None),
        ("earlier in the day", None, "12:00"),
        ("early in the day", None, "12:00"),
        ("late in the day", "16:00", None),
        ("at the end of the day", "16:00", None),
        ("in the second half of the day", "12:00", None),
        ("in the middle of the day", "10:00", "15:00"),
        ("during the day", "06:00", "18:00"),
        ("any time in the day", None, None),
    ],
)
def test_parts_of_the_day(words: str, start: str | None, end: str | None) -> None:
    assert window(words) == (start, end)


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("after 6 pm", "18:00", None),
        ("after 6 p.m.", "18:00", None),
        ("after six", "18:00", None),
        ("after nine in the morning", "09:00", None),
        ("after lunch", "13:00", None),
        ("after half past six", "18:30", None),
        ("after six thirty in the evening", "18:30", None),
        ("later than 8 am", "08:00", None),
        ("before noon", None, "12:00"),
        ("before 8 am", None, "08:00"),
        ("before ten", None, "10:00"),
        ("by 10 am", None, "10:00"),
        ("before six in the evening", None, "18:00"),
        ("around ten", "09:00", "11:00"),
        ("around ten in the morning", "09:00", "11:00"),
        ("at around 7 pm", "18:00", "20:00"),
        ("at noon", "11:00", "13:00"),
        ("at 18:30", "17:30", "19:30"),
        ("at 1830", "17:30", "19:30"),
        ("6:15", "05:15", "07:15"),
        ("6 pm", "17:00", "19:00"),
        ("six o'clock", "05:00", "07:00"),
        ("quarter to nine", "07:45", "09:45"),
        ("at ten oh five", "09:05", "11:05"),
        ("at midnight", "23:00", "01:00"),
        ("between 6 and 9 pm", "18:00", "21:00"),
        ("between ten and one pm", "10:00", "13:00"),
        ("from 5 to 7 in the evening", "17:00", "19:00"),
        ("between 6 and 9 in the morning", "06:00", "09:00"),
        ("9 o'clock in the morning", "08:00", "10:00"),
        ("at ten to seven", "05:50", "07:50"),
        ("10 to seven", "05:50", "07:50"),
        ("ten to seven in the evening", "17:50", "19:50"),
        ("twenty five to six pm", "16:35", "18:35"),
        ("five past nine", "08:05", "10:05"),
        ("half seven", "06:30", "08:30"),
        ("zero six hundred", "05:00", "07:00"),
        ("at oh six hundred hours", "05:00", "07:00"),
        ("oh five thirty", "04:30", "06:30"),
        ("after eighteen hundred", "18:00", None),
        ("twelve hundred hours", "11:00", "13:00"),
        ("from ten to seven", "10:00", "19:00"),
        ("5 to 7 pm", "17:00", "19:00"),
        ("at 6:00 a.m to 10:00 a.m", "06:00", "10:00"),
        ("between 5:00 pm to 8:00 pm in the evening", "17:00", "20:00"),
        (",      pm", "12:00", None),
        ("mid-morning", "08:00", "11:00"),
    ],
)
def test_clock_times(words: str, start: str | None, end: str | None) -> None:
    assert window(words) == (start, end)


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("at 05:30", "04:30", "06:30"),
        ("at 0530", "04:30", "06:30"),
        ("after 06:00", "06:00", None),
        ("before 05:00", None, "05:00"),
        ("between 04:00 and 08:00", "04:00", "08:00"),
        ("between 06:00 and 18:00", "06:00", "18:00"),
        ("at 00:30", "00:00", "01:30"),
        ("after 00:15", "00:15", None),
        ("at 05:30 pm", "16:30", "18:30"),
        ("by 06:00 in the evening", None, "18:00"),
        ("between 06:00 and 09:00 pm", "18:00", "21:00"),
    ],
)
def test_a_leading_zero_means_the_morning_unless_the_evening_is_named(
    words: str, start: str | None, end: str | None
) -> None:
    assert window(words) == (start, end)


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("at 6 pm at the latest", None, "18:00"),
        ("by 6 pm at the latest", None, "18:00"),
        ("9 am or earlier", None, "09:00"),
        ("6 pm or later", "18:00", None),
        ("at 9 am at the earliest", "09:00", None),
    ],
)
def test_words_after_a_time_give_its_side(words: str, start: str | None, end: str | None) -> None:
    assert window(words) == (start, end)


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("before midnight", None, None),
        ("by midnight", None, None),
        ("by 24:00", None, None),
        ("after six and before midnight", "18:00", None),
        ("between 10 pm and midnight", "22:00", None),
        ("around midnight", "23:00", "01:00"),
        ("after midnight", "00:00", "05:00"),
        ("at 11:30 pm", "22:30", None),
        ("between 10 pm and 2 am", "22:00", "02:00"),
    ],
)
def test_midnight_ends_a_day_and_begins_one(words: str, start: str | None, end: str | None) -> None:
    assert window(words) == (start, end)


@pytest.mark.parametrize(
    "words",
    [
        "any time",
        "anytime",
        "any time of day",
        "time doesn't matter",
        "i don't care what time",
        "never mind the time",
        "forget about the time",
        "i'm flexible on time",
        "no time preference",
        "not only the morning",
        "whenever",
        "at whatever time",
        "i don't mind when",
    ],
)
def test_any_time_is_a_window_without_sides(words: str) -> None:
    assert window(words) == (None, None)


def test_any_time_adds_nothing_to_a_time() -> None:
    assert window("any time after six") == ("18:00", None)
    assert window("any time in the morning") == ("05:00", "12:00")


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("not in the morning", "12:00", "05:00"),
        ("no morning flights", "12:00", "05:00"),
        ("i don't want a morning flight", "12:00", "05:00"),
        ("anything but the evening", "21:00", "17:00"),
        ("not at night", None, "20:00"),
        ("nothing before nine", "09:00", None),
        ("i can't leave before nine", "09:00", None),
        ("i can't be in delhi before nine", "09:00", None),
        ("not until nine", "09:00", None),
        ("not after six", None, "18:00"),
        ("not earlier than 9", "09:00", None),
        ("no later than 6 pm", None, "18:00"),
    ],
)
def test_a_rejected_time_leaves_all_others(words: str, start: str | None, end: str | None) -> None:
    assert window(words) == (start, end)


@pytest.mark.parametrize(
    "words",
    [
        "no in the morning",
        "no, in the morning",
        "isn't there anything in the morning",
        "is there nothing in the morning",
        "why not in the morning",
        "don't you have anything in the morning",
        "not to delhi, in the morning",
    ],
)
def test_a_no_to_something_else_rejects_no_time(words: str) -> None:
    assert window(words) == ("05:00", "12:00")


def test_later_words_narrow_earlier_ones() -> None:
    assert window("in the morning after nine am") == ("09:00", "12:00")
    assert window("evening after seven") == ("19:00", "21:00")


@pytest.mark.parametrize(
    "words",
    [
        "good morning",
        "good evening",
        "i need 6",
        "from 2 people",
        "two tickets",
        "flight 542",
        "after 3 days",
        "at the airport",
        "for 4 people",
        "five to ten people",
        "under fifteen hundred",
        "under fifteen hundred dollars",
    ],
)
def test_what_is_no_time_is_left_alone(words: str) -> None:
    assert window(words) is None


def test_open_sides_are_left_out_of_the_json() -> None:
    assert TimeWindow(start=time(18)).to_json() == {"from": "18:00"}
    assert TimeWindow(end=time(9, 5)).to_json() == {"to": "09:05"}


@settings(deadline=None)
@given(st.text(max_size=80))
def test_no_text_breaks_the_grammar(text: str) -> None:
    for found in find_times(text.lower()):
        assert 0 <= found.start < found.end <= len(text.lower())


@settings(deadline=None)
@given(st.integers(0, 23), st.integers(0, 59))
def test_every_written_time_is_read_back(hour: int, minute: int) -> None:
    (found,) = find_times(f"after {hour:02d}:{minute:02d} hours")
    assert found.value.start is not None
    assert found.value.start.minute == minute
    # From ten to twelve, the half of the day that is likelier; with a nought, as written.
    assert found.value.start.hour % 12 == hour % 12
    assert found.value.start.hour == hour or 10 <= hour <= 12
