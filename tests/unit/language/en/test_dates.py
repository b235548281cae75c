"""Days are resolved from the words and a given today only."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.language.days import (
    CalendarDay,
    DaysAhead,
    FromReference,
    ImpossibleDate,
    InMonth,
    Weekday,
    shifted,
)
from agent.language.en.dates import find_dates, split_rejected
from agent.language.en.spoken_forms import day, weekday_date

pytestmark = pytest.mark.unit

MONDAY = date(2026, 11, 23)
TALKED_ABOUT = date(2026, 12, 10)


def resolved(
    text: str, today: date = MONDAY, reference: date | None = None, country: str = "IN"
) -> list[str]:
    return [str(found.value.on(today, reference)) for found in find_dates(text, country=country)]


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("today", "2026-11-23"),
        ("later today", "2026-11-23"),
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
    ("words", "day"),
    [
        ("the 30th of this month", "2026-11-30"),
        ("the 9th of this month", "2026-11-09"),
        ("on 9th of next month", "2026-12-09"),
        ("the ninth of the month", "2026-12-09"),
        ("two weeks from tomorrow", "2026-12-08"),
        ("three days after tuesday", "2026-11-27"),
        ("a month from friday", "2026-12-27"),
        ("a week on monday", "2026-12-07"),
        ("friday week", "2026-12-04"),
        ("friday in two weeks", "2026-12-11"),
        ("last friday", "2026-11-20"),
        ("first friday of next month", "2026-12-04"),
        ("the last sunday of december", "2026-12-27"),
        ("the second tuesday in march", "2027-03-09"),
        ("the last day of this month", "2026-11-30"),
        ("first week of march", "2027-03-01"),
        ("the second week of january", "2027-01-08"),
        ("the beginning of january", "2027-01-01"),
        ("mid february", "2027-02-15"),
        ("the weekend of the 12th", "2026-12-12"),
        ("the weekend of the 13th", "2026-12-12"),
        ("the week of march 3rd", "2027-03-01"),
        ("friday the 4th", "2026-12-04"),
        ("friday the 13th", "2027-08-13"),
        ("in a month", "2026-12-23"),
        ("in three months", "2027-02-23"),
        ("in a year", "2027-11-23"),
    ],
)
def test_a_day_is_counted_from_another_day_or_in_its_month(words: str, day: str) -> None:
    assert resolved(words) == [day]


@pytest.mark.parametrize(
    ("words", "country", "day"),
    [
        ("christmas", "IN", "2026-12-25"),
        ("on christmas eve", "DE", "2026-12-24"),
        ("the day after christmas", "US", "2026-12-26"),
        ("two days before christmas", "IN", "2026-12-23"),
        ("the friday before christmas", "IN", "2026-12-18"),
        ("new year's eve", "IN", "2026-12-31"),
        ("new years day", "US", "2027-01-01"),
        ("thanksgiving", "IN", "2026-11-26"),
        ("thanksgiving", "CA", "2027-10-11"),
        ("independence day", "IN", "2027-08-15"),
        ("independence day", "US", "2027-07-04"),
        ("labor day", "US", "2027-09-06"),
        ("easter sunday", "GB", "2027-03-28"),
        ("easter monday", "ZZ", "2027-03-29"),
        ("halloween", "US", "2027-10-31"),
    ],
)
def test_a_holiday_is_that_of_the_callers_country(words: str, country: str, day: str) -> None:
    assert resolved(words, country=country) == [day]


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
        "later in the day",
        "earlier in the day",
        "late in the week",
        "later in the month",
        "i may go",
        "to mara and back again",
        "flight 542",
        "six",
        "on time",
        "the first class",
        "may i ask",
        "first of all",
        "the first day of my holiday",
        "the second week",
        "the third person",
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
        ("a month later", "2027-01-10"),
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
            assert text


def test_relative_days_without_reference_count_from_today() -> None:
    assert FromReference(1).on(MONDAY) == date(2026, 11, 24)
    assert DaysAhead(-1).on(MONDAY) == date(2026, 11, 22)


DAYS = st.dates(date(2020, 1, 1), date(2090, 1, 1))


@settings(deadline=None)
@given(DAYS, st.integers(0, 700))
def test_the_spoken_form_of_a_day_means_that_day(today: date, ahead: int) -> None:
    when = today + timedelta(ahead)
    words = day(when, today).lower()
    assert resolved(words, today)[-1] == str(when)


@settings(deadline=None)
@given(DAYS, st.integers(0, 300))
def test_the_spoken_form_of_a_date_means_the_next_such_date(today: date, ahead: int) -> None:
    when = today + timedelta(ahead)
    assert resolved(weekday_date(when).lower(), today) == [str(when)]


@settings(deadline=None)
@given(DAYS, st.integers(1, 60), st.integers(0, 6))
def test_a_day_after_an_anchor_is_that_much_later(today: date, count: int, ahead: int) -> None:
    anchor = today + timedelta(ahead)
    words = f"{count} days after {weekday_date(anchor)}".lower()
    assert resolved(words, today) == [str(anchor + timedelta(count))]


@settings(deadline=None)
@given(DAYS, st.integers(-5, 5).filter(bool), st.integers(0, 6), st.integers(0, 11))
def test_the_nth_weekday_lies_in_its_month(today: date, nth: int, weekday: int, months: int) -> None:
    month = shifted(today.replace(day=1), 0, months)
    try:
        found = InMonth(nth, weekday, months=months).on(today)
    except ImpossibleDate:
        assert abs(nth) == 5
        return
    assert (found.year, found.month, found.weekday()) == (month.year, month.month, weekday)
    place = (found.day - 1) // 7 if nth > 0 else (shifted(month, 0, 1) - found - timedelta(1)).days // 7
    assert place == abs(nth) - 1


@settings(deadline=None)
@given(DAYS, st.integers(0, 30))
def test_a_month_later_is_the_same_day_of_the_month_or_its_last(today: date, months: int) -> None:
    later = shifted(today, 0, months)
    assert (later.year * 12 + later.month) - (today.year * 12 + today.month) == months
    assert later.day == today.day or (later + timedelta(1)).day == 1
