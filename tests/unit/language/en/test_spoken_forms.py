"""Times, days, money and numbers as they are read aloud."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from google.type.money_pb2 import Money
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.dialogue.state import Draft
from agent.language.en.airlines import airline
from agent.language.en.clock_times import find_times
from agent.language.en.parts_of_day import PARTS_OF_DAY
from agent.language.en.phrases import phrase, phrases
from agent.language.en.spoken_forms import (
    bare_clock,
    clock,
    clock_after,
    counted,
    day,
    duration,
    flight,
    full_date,
    listed,
    number,
    ordinal,
    price,
)
from agent.language.en.wording import rank, window_words, wishes_words
from agent.language.meanings import TimeWindow

pytestmark = pytest.mark.unit

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "zero"),
        (7, "seven"),
        (13, "thirteen"),
        (20, "twenty"),
        (45, "forty-five"),
        (100, "one hundred"),
        (105, "one hundred five"),
        (5200, "five thousand two hundred"),
        (10_400, "ten thousand four hundred"),
        (125_000, "one hundred twenty-five thousand"),
        (1_000_000, "one million"),
    ],
)
def test_numbers(value: int, words: str) -> None:
    assert number(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (99_999, "ninety-nine thousand nine hundred ninety-nine"),
        (125_000, "one lakh twenty-five thousand"),
        (12_000_000, "one crore twenty lakh"),
    ],
)
def test_indian_numbers(value: int, words: str) -> None:
    assert number(value, indian=True) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1, "first"),
        (2, "second"),
        (12, "twelfth"),
        (20, "twentieth"),
        (21, "twenty-first"),
        (30, "thirtieth"),
        (31, "thirty-first"),
    ],
)
def test_ordinals(value: int, words: str) -> None:
    assert ordinal(value) == words


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (time(0, 0), "midnight"),
        (time(0, 20), "twelve twenty at night"),
        (time(3, 5), "three oh five at night"),
        (time(6, 15), "six fifteen in the morning"),
        (time(9, 0), "nine in the morning"),
        (time(12, 0), "noon"),
        (time(12, 30), "twelve thirty in the afternoon"),
        (time(16, 45), "four forty five in the afternoon"),
        (time(18, 0), "six in the evening"),
        (time(21, 5), "nine oh five at night"),
        (time(23, 59), "eleven fifty nine at night"),
    ],
)
def test_clock_times_are_spoken(moment: time, words: str) -> None:
    assert clock(moment) == words
    assert words.startswith(bare_clock(moment))


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("2026-11-24T08:30", "eight thirty in the morning"),
        ("2026-11-25T08:30", "eight thirty in the morning the next day"),
        ("2026-11-26T08:30", "eight thirty in the morning two days later"),
        ("2026-11-23T12:30", "twelve thirty in the afternoon the day before"),
        ("2026-11-22T12:30", "twelve thirty in the afternoon two days before"),
        ("2026-11-25T00:00", "midnight"),
        ("2026-11-25T00:01", "twelve oh one at night the next day"),
        ("2026-11-26T00:00", "midnight the next day"),
    ],
)
def test_a_time_on_another_day_is_spoken_with_its_day(moment: str, words: str) -> None:
    assert clock_after(datetime.fromisoformat(moment), date(2026, 11, 24)) == words


@settings(deadline=None)
@given(st.times().map(lambda moment: moment.replace(second=0, microsecond=0)))
def test_no_spoken_time_holds_a_digit(moment: time) -> None:
    assert not any(character.isdigit() or character == ":" for character in clock(moment))


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (date(2026, 11, 23), "today, Monday the twenty-third"),
        (date(2026, 11, 24), "tomorrow, Tuesday the twenty-fourth"),
        (date(2026, 11, 27), "on Friday the twenty-seventh of November"),
        (date(2027, 1, 1), "on Friday the first of January, twenty twenty-seven"),
        (date(2026, 11, 22), "on Sunday the twenty-second of November"),
    ],
)
def test_days_always_name_the_date(when: date, words: str) -> None:
    assert day(when, TODAY) == words


def test_full_dates() -> None:
    assert full_date(date(2027, 10, 19)) == "the nineteenth of October"


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(minutes=165), "two hours and forty-five minutes"),
        (timedelta(hours=1), "one hour"),
        (timedelta(minutes=1), "one minute"),
        (timedelta(hours=16, minutes=5), "sixteen hours and five minutes"),
        (timedelta(), "no time"),
    ],
)
def test_durations(length: timedelta, words: str) -> None:
    assert duration(length) == words


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        ("5200", "INR", "five thousand two hundred rupees"),
        ("1", "INR", "one rupee"),
        ("125000", "INR", "one lakh twenty-five thousand rupees"),
        ("125000", "USD", "one hundred twenty-five thousand dollars"),
        ("99.50", "EUR", "one hundred euros"),
        ("99.49", "GBP", "ninety-nine pounds"),
        ("12", "XXX", "twelve XXX"),
    ],
)
def test_prices_are_spoken_in_whole_units(amount: str, currency: str, words: str) -> None:
    units, _, cents = amount.partition(".")
    money = Money(currency_code=currency, units=int(units), nanos=int(cents or "0") * 10_000_000)
    assert price(money) == words


def test_flights_are_spoken_by_name_and_digits() -> None:
    assert flight("AI542") == "Air India five four two"
    assert flight("6E1001") == "IndiGo one zero zero one"
    assert flight("ZZ9") == "Z Z nine"
    assert flight("ZZ9", carrier="Zed Air") == "Zed Air nine"
    assert (airline("AI"), airline("ZZ")) == ("Air India", "Z Z")


def test_lists_and_counts() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert counted(1, "flight") == "one flight"
    assert counted(12, "flight") == "twelve flights"


@pytest.mark.parametrize(
    ("window", "words"),
    [
        (PARTS_OF_DAY["morning"], "in the morning"),
        (PARTS_OF_DAY["night"], "at night"),
        (PARTS_OF_DAY["early morning"], "in the early morning"),
        (TimeWindow(start=time(18)), "after six in the evening"),
        (TimeWindow(end=time(9, 30)), "before nine thirty in the morning"),
        (TimeWindow(time(9), time(11)), "between nine in the morning and eleven in the morning"),
        (TimeWindow(), "at any time"),
    ],
)
def test_windows_are_spoken(window: TimeWindow, words: str) -> None:
    assert window_words(window) == words


@pytest.mark.parametrize("name", sorted(PARTS_OF_DAY))
def test_parts_of_the_day_are_understood_as_they_are_spoken(name: str) -> None:
    (found,) = find_times(window_words(PARTS_OF_DAY[name]))
    assert found.value == PARTS_OF_DAY[name]


def test_wishes_are_listed() -> None:
    assert wishes_words(Draft()) == ""
    assert wishes_words(Draft(cabin="economy")) == ""
    everything = Draft(
        window=PARTS_OF_DAY["morning"], airline="6E", nonstop=True, cabin="business", passengers=2
    )
    assert (
        wishes_words(everything)
        == ", in the morning, with IndiGo, without a stop, in business class and for two"
    )
    assert wishes_words(Draft(cabin="premium_economy", airline="ZZ")) == ", with Z Z and in premium economy"


def test_first_of_a_sorted_list_is_named_for_its_merit() -> None:
    assert rank(0, "cheapest") == "The cheapest"
    assert rank(0, "cheapest", priced=False) == "The first"
    assert rank(1, "cheapest") == "The second"
    assert rank(0, None) == "The first"


def test_phrases_begin_with_a_capital_and_need_their_parts() -> None:
    assert phrase("status_LANDED", flight="flydubai one", other_day="", destination="B").startswith(
        "Flydubai one"
    )
    with pytest.raises(KeyError):
        phrase("unknown_place")


def test_no_phrase_asks_two_questions_or_holds_a_code() -> None:
    for words in phrases().values():
        assert words.count("?") <= 1
        assert "http" not in words


def test_moments_in_a_zone_are_spoken_as_local() -> None:
    assert clock(datetime.fromisoformat("2026-11-24T06:15:00+05:30")) == "six fifteen in the morning"
