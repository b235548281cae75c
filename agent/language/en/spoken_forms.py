"""Spoken forms of numbers, times, days, money and names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal

from google.type.money_pb2 import Money

from agent.language.en.airlines import airline
from agent.language.en.data import load
from agent.language.en.numbers import ORDINAL_TENS, ORDINAL_UNITS, TENS, UNITS
from agent.language.en.parts_of_day import part_of_day

_UNIT_WORDS = {value: word for word, value in UNITS.items()}
_TEN_WORDS = {value: word for word, value in TENS.items() if word != "fourty"}
_ORDINAL_WORDS = {value: word for word, value in (ORDINAL_UNITS | ORDINAL_TENS).items()}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTH_NAMES = "January February March April May June July August September October November December"
_MONTHS = _MONTH_NAMES.split()
_COUNTRIES_WITH_ARTICLE = re.compile(
    r"^(United|Democratic|Republic|Central African|Isle)\b|\b(Islands|Republic|Emirates)$|"
    r"^(Bahamas|Comoros|Gambia|Maldives|Philippines)$"
)
_CURRENCIES: Mapping[str, tuple[str, str]] = load("currencies")
_SCALES = ((1_000_000_000, "billion"), (1_000_000, "million"), (1000, "thousand"))
_INDIAN_SCALES = ((10_000_000, "crore"), (100_000, "lakh"), (1000, "thousand"))


def with_article(country: str) -> str:
    """Return "the United Kingdom" or "France"."""
    bare = country.removeprefix("The ")
    return f"the {bare}" if bare != country or _COUNTRIES_WITH_ARTICLE.search(country) else country


def place_name(city: str, country: str) -> str:
    """Return "Kochi in India" or "Birmingham in the United Kingdom"."""
    return f"{city} in {with_article(country)}"


def number(value: int, *, indian: bool = False) -> str:
    """Return "five thousand two hundred"; with `indian`, "one lakh twenty-five thousand".

    `value` is not negative.
    """
    if value < 20:
        return _UNIT_WORDS[value]
    if value < 100:
        tens, units = divmod(value, 10)
        return _TEN_WORDS[tens * 10] + (f"-{_UNIT_WORDS[units]}" if units else "")
    for size, name in (*(_INDIAN_SCALES if indian else _SCALES), (100, "hundred")):
        if value >= size:
            count, rest = divmod(value, size)
            words = f"{number(count, indian=indian)} {name}"
            return f"{words} {number(rest, indian=indian)}" if rest else words
    raise AssertionError(value)


def ordinal(value: int) -> str:
    """Return "twenty-fourth", for 1 to 39."""
    if word := _ORDINAL_WORDS.get(value):
        return word
    return f"{_TEN_WORDS[value // 10 * 10]}-{_ORDINAL_WORDS[value % 10]}"


def digits(text: str) -> str:
    """Return "five four two" for "542"."""
    return " ".join(_UNIT_WORDS[int(character)] for character in text)


def flight(flight_number: str, *, carrier: str = "") -> str:
    """Return "Air India five four two" for AI542. For an unknown airline, use the letters of its code."""
    return f"{carrier or airline(flight_number[:2])} {digits(flight_number[2:])}"


def clock(moment: time | datetime) -> str:
    """Return "six fifteen in the morning", "noon" or "ten oh five at night"."""
    words = bare_clock(moment)
    return words if words in ("noon", "midnight") else f"{words} {part_of_day(moment.hour)}"


def clock_after(moment: datetime, since: date) -> str:
    """Return a local time. If its date isn't `since`, add the day: "noon two days later"."""
    days = (moment.date() - since).days
    # In speech, the midnight at the end of a day still belongs to that day.
    if days > 0 and (moment.hour, moment.minute) == (0, 0):
        days -= 1
    if days in (-1, 0, 1):
        return clock(moment) + ("", " the next day", " the day before")[days]
    return f"{clock(moment)} {number(abs(days))} days {'later' if days > 0 else 'before'}"


def bare_clock(moment: time | datetime) -> str:
    """Return "six fifteen", "noon" or "ten oh five", for sentences that already name the part of the day."""
    hour, minute = moment.hour, moment.minute
    if minute == 0 and hour in (0, 12):
        return "noon" if hour else "midnight"
    if minute == 0:
        return number(hour % 12 or 12)
    minutes = f"oh {number(minute)}" if minute < 10 else number(minute).replace("-", " ")
    return f"{number(hour % 12 or 12)} {minutes}"


def day(when: date, today: date) -> str:
    """Return "tomorrow, Tuesday the twenty-fourth" or "on Friday the …".

    The date is always included, so that callers notice mistakes, and so is a year other than today's.
    """
    ahead = (when - today).days
    if ahead in (0, 1):
        return f"{('today', 'tomorrow')[ahead]}, {weekday(when)} the {ordinal(when.day)}"
    return f"on {weekday_date(when)}" + (f", {year(when)}" if when.year != today.year else "")


def year(when: date) -> str:
    """Return the year as it is spoken, "twenty twenty-seven"."""
    century, rest = divmod(when.year, 100)
    return number(when.year) if rest < 10 else f"{number(century)} {number(rest)}"


def weekday(when: date) -> str:
    """Return "Friday"."""
    return _WEEKDAYS[when.weekday()]


def weekday_date(when: date) -> str:
    """Return "Friday the twenty-seventh of November"."""
    return f"{weekday(when)} {full_date(when)}"


def full_date(when: date) -> str:
    """Return "the nineteenth of October"."""
    return f"the {ordinal(when.day)} of {_MONTHS[when.month - 1]}"


def duration(length: timedelta) -> str:
    """Return "two hours and forty-five minutes"."""
    hours, minutes = divmod(round(length.total_seconds() / 60), 60)
    parts = [counted(amount, unit) for amount, unit in ((hours, "hour"), (minutes, "minute")) if amount]
    return " and ".join(parts) or "no time"


def counted(amount: int, noun: str) -> str:
    """Return "one flight" or "three flights"."""
    return f"{number(amount)} {noun}{'' if amount == 1 else 's'}"


def price(money: Money) -> str:
    """Return "five thousand two hundred rupees". The amount is rounded, to be easier to follow."""
    exact = Decimal(money.units) + Decimal(money.nanos) / 1_000_000_000
    whole = int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    code = money.currency_code
    one, many = _CURRENCIES.get(code, (code, code))
    return f"{number(whole, indian=code == 'INR')} {one if whole == 1 else many}"


def listed(items: Sequence[str]) -> str:
    """Return "a, b and c"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def spelled(code: str) -> str:
    """Return the letters of a code with spaces between them, so that each letter is spoken."""
    return " ".join(code)
