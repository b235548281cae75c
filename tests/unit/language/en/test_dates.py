"""Days are resolved from the words and a given today only."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.language.days import CalendarDay, DaysAhead, FromReference, ImpossibleDate, Weekday
from agent.language.en.dates import find_dates, split_rejected

pytestmark = pytest.mark.unit

MONDAY = date(2026, 11, 23)
TALKED_ABOUT = date(2026, 12, 10)


def resolved(text: str, today: date = MONDAY, reference: date | None = None) -> list[str]:
    return [str(found.value.on(today, reference)) for found in find_dates(text)]


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("today", "2026-11-23"),
        ("tonight", "2026-11-23"),
        ("this evening", "2026-11-23"),
        ("tomorrow", "2026-11-24"),
        ("day after tomorrow", "2026-11-25"),
        ("the day after tomorrow", "2026-11-25"),
        ("yesterday", "2026-11-22"),
        ("wednesday", "2026-11-25"),
        ("on friday", "2026-11-27"),
        ("fri", "2026-11-27"),
        ("monday", "2026-11-30"),
        ("this monday", "2026-11-23"),
        ("this friday", "2026-11-27"),
        ("next friday", "2026-12-04"),
        ("friday next week", "2026-12-04"),
        ("next week friday", "2026-12-04"),
        ("next week", "2026-11-30"),
        ("this weekend", "2026-11-28"),
        ("next weekend", "2026-12-05"),
        ("the 5th of december", "2026-12-05"),
        ("december fifth", "2026-12-05"),
        ("december the fifth", "2026-12-05"),
        ("5 december", "2026-12-05"),
        ("dec 5", "2026-12-05"),
        ("the twenty first of january", "2027-01-21"),
        ("twenty-first january", "2027-01-21"),
        ("friday the 4th of december", "2026-12-04"),
        ("5th december 2027", "2027-12-05"),
        ("december 5 2026", "2026-12-05"),
        ("the twelfth", "2026-12-12"),
        ("on the 24th", "2026-11-24"),
        ("the 23rd", "2026-11-23"),
        ("5/12", "2026-12-05"),
        ("5/12/2026", "2026-12-05"),
        ("12/25", "2026-12-25"),
        ("5.12.27", "2027-12-05"),
        ("2026-12-01", "2026-12-01"),
        ("in three days", "2026-11-26"),
        ("in a week", "2026-11-30"),
        ("in two weeks", "2026-12-07"),
        ("after 10 days", "2026-12-03"),
        ("a fortnight from now", "2026-12-07"),
        ("a couple of days from today", "2026-11-25"),
        ("3 march", "2027-03-03"),
        ("23 november", "2026-11-23"),
        ("22 november", "2027-11-22"),
        ("29 february", "2028-02-29"),
    ],
)
def test_spoken_day_is_resolved(words: str, day: str) -> None:
    assert resolved(words) == [day]


@pytest.mark.parametrize(
    ("garbled", "day"),
    [
        ("to mara morning", "2026-11-24"),
        ("to maro evening", "2026-11-24"),
        ("flights to delhi to mara", "2026-11-24"),
        ("show me flights from riyadh to almaty to maru.", "2026-11-24"),
        ("show me flights from a stand-ball to riyadh tamaro.", "2026-11-24"),
        ("to morrow", "2026-11-24"),
        ("to-morrow", "2026-11-24"),
        ("tomorow", "2026-11-24"),
        ("the day after to morrow", "2026-11-25"),
        ("wendsday", "2026-11-25"),
    ],
)
def test_what_recognisers_make_of_a_day_is_understood(garbled: str, day: str) -> None:
    assert resolved(garbled) == [day]


@pytest.mark.parametrize(
    "words",
    [
        "the second one",
        "the third option",
        "i may go",
        "to mara and back again",
        "flight 542",
        "six",
        "on time",
        "the first class",
        "may i ask",
        "first of all",
    ],
)
def test_what_is_no_day_is_left_alone(words: str) -> None:
    assert find_dates(words) == []


def test_the_second_is_no_day_while_flights_are_on_offer() -> None:
    assert find_dates("the second", day_alone=False) == []
    assert len(find_dates("the second")) == 1


@pytest.mark.parametrize(
    "words", ["the 31st of february", "31 april", "45/13", "0/0", "30 february 2027", "29 february 2027"]
)
def test_day_outside_the_calendar_is_impossible(words: str) -> None:
    (found,) = find_dates(words)
    with pytest.raises(ImpossibleDate):
        found.value.on(MONDAY)


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("two days later", "2026-12-12"),
        ("2 days later", "2026-12-12"),
        ("two days earlier", "2026-12-08"),
        ("a couple of days later", "2026-12-12"),
        ("three days after that", "2026-12-13"),
        ("two days before", "2026-12-08"),
        ("a day sooner", "2026-12-09"),
        ("one week earlier", "2026-12-03"),
        ("a week later", "2026-12-17"),
        ("a fortnight later than that", "2026-12-24"),
        ("the week after", "2026-12-17"),
        ("the week before", "2026-12-03"),
        ("the following week", "2026-12-17"),
    ],
)
def test_days_later_and_earlier_are_counted_from_the_day_talked_about(words: str, day: str) -> None:
    assert resolved(words, reference=TALKED_ABOUT) == [day]


@pytest.mark.parametrize("words", ["later", "a bit later", "earlier", "two hours later", "the week"])
def test_later_alone_is_no_day(words: str) -> None:
    assert find_dates(words) == []


@pytest.mark.parametrize(
    ("words", "meant", "rejected"),
    [
        ("not tomorrow, the day after", ["2026-11-24"], ["2026-11-24"]),
        ("not tomorrow but friday", ["2026-11-27"], ["2026-11-24"]),
        ("friday instead of tomorrow", ["2026-11-27"], ["2026-11-24"]),
        ("i can't fly on friday", [], ["2026-11-27"]),
        ("anything but friday", [], ["2026-11-27"]),
        ("i'm not returning monday, tuesday", ["2026-11-24"], ["2026-11-30"]),
        ("why not friday", ["2026-11-27"], []),
        ("not to delhi, tomorrow", ["2026-11-24"], []),
        ("no, friday", ["2026-11-27"], []),
    ],
)
def test_a_rejected_day_differs_from_the_day_meant(words: str, meant: list[str], rejected: list[str]) -> None:
    sides = split_rejected(words, find_dates(words))
    assert [[str(piece.value.on(MONDAY)) for piece in side] for side in sides] == [meant, rejected]


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("the next day", "2026-12-11"),
        ("a day later", "2026-12-11"),
        ("the day before", "2026-12-09"),
        ("day after that", "2026-12-11"),
    ],
)
def test_next_day_is_next_to_the_day_talked_about(words: str, day: str) -> None:
    assert resolved(words, reference=TALKED_ABOUT) == [day]


def test_two_days_of_a_sentence_are_both_found_in_order() -> None:
    assert resolved("on december 20th coming back on january 5th") == ["2026-12-20", "2027-01-05"]


def test_positions_name_the_words_that_were_taken() -> None:
    text = "flights on the 5th of december please"
    (found,) = find_dates(text)
    assert text[found.start : found.end] == "on the 5th of december"


@settings(deadline=None)
@given(st.dates(date(2020, 1, 1), date(2090, 1, 1)), st.integers(0, 6))
def test_weekday_is_always_the_next_such_day(today: date, weekday: int) -> None:
    day = Weekday(weekday).on(today)
    assert day.weekday() == weekday
    assert timedelta(1) <= day - today <= timedelta(7)


@settings(deadline=None)
@given(st.dates(date(2020, 1, 1), date(2090, 1, 1)), st.integers(0, 6))
def test_next_weekday_lies_in_the_following_calendar_week(today: date, weekday: int) -> None:
    monday = today - timedelta(today.weekday())
    assert Weekday(weekday, weeks=1).on(today) == monday + timedelta(7 + weekday)


@settings(deadline=None)
@given(st.dates(date(2020, 1, 1), date(2090, 1, 1)), st.integers(1, 28), st.integers(1, 12))
def test_day_of_a_month_is_never_in_the_past_and_within_a_year(today: date, day: int, month: int) -> None:
    found = CalendarDay(day, month).on(today)
    assert (found.day, found.month) == (day, month)
    assert timedelta() <= found - today <= timedelta(366)


@settings(deadline=None)
@given(st.dates(date(2020, 1, 1), date(2090, 1, 1)), st.integers(1, 31))
def test_day_alone_is_the_next_such_day_that_exists(today: date, day: int) -> None:
    found = CalendarDay(day).on(today)
    assert found.day == day
    assert timedelta() <= found - today <= timedelta(62)


@settings(deadline=None)
@given(st.text(max_size=80))
def test_no_text_breaks_the_grammar(text: str) -> None:
    for found in find_dates(text.lower()):
        try:
            assert isinstance(found.value.on(MONDAY, TALKED_ABOUT), date)
        except ImpossibleDate:
            assert isinstance(found.value, CalendarDay)


def test_relative_days_without_reference_count_from_today() -> None:
    assert FromReference(1).on(MONDAY) == date(2026, 11, 24)
    assert DaysAhead(-1).on(MONDAY) == date(2026, 11, 22)
