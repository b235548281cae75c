"""Times, days, money and numbers as they are read aloud in English."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib import resources
from typing import Any

from agent.dialogue.tools import Price
from agent.language.en.airlines import carriers
from agent.language.en.numbers import ORDINAL_UNITS, TENS, UNITS

_UNIT_WORDS = {value: word for word, value in UNITS.items()}
_TEN_WORDS = {value: word for word, value in TENS.items() if word != "fourty"}
_ORDINAL_WORDS = {value: word for word, value in ORDINAL_UNITS.items()} | {20: "twentieth", 30: "thirtieth"}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_COUNTRIES_WITH_ARTICLE = re.compile(
    r"^(United|Democratic|Republic|Central African|Isle)\b|\b(Islands|Republic|Emirates)$|^(Bahamas|Comoros|Gambia|Maldives|Philippines)$"
)
_SCALES = ((1_000_000_000, "billion"), (1_000_000, "million"), (1000, "thousand"))
_INDIAN_SCALES = ((10_000_000, "crore"), (100_000, "lakh"), (1000, "thousand"))


def with_article(country: str) -> str:
    """Says "the United Kingdom", "France"."""
    bare = country.removeprefix("The ")
    return f"the {bare}" if bare != country or _COUNTRIES_WITH_ARTICLE.search(country) else country


def number(value: int, *, indian: bool = False) -> str:
    """Says "five thousand two hundred"; with `indian`, "one lakh twenty-five thousand". `value` is not negative."""
    if value < 20:
        return _UNIT_WORDS[value]
    if value < 100:
        tens, units = divmod(value, 10)
        return _TEN_WORDS[tens * 10] + (f"-{_UNIT_WORDS[units]}" if units else "")
    for size, name in (*(_INDIAN_SCALES if indian else _SCALES), (100, "hundred")):
        if value >= size:
            count, rest = divmod(value, size)
            return f"{number(count, indian=indian)} {name}" + (
                f" {number(rest, indian=indian)}" if rest else ""
            )
    raise AssertionError(value)


def ordinal(value: int) -> str:
    """Says "twenty-fourth", for 1 to 39."""
    if word := _ORDINAL_WORDS.get(value):
        return word
    return f"{_TEN_WORDS[value // 10 * 10]}-{_ORDINAL_WORDS[value % 10]}"


def digits(text: str) -> str:
    """Says "542" digit by digit: "five four two"."""
    return " ".join(_UNIT_WORDS[int(character)] for character in text)


def flight(flight_number: str, *, carrier: str = "") -> str:
    """Says "Air India five four two" for AI542; the code's letters when the carrier has no known name."""
    code, numeral = flight_number[:2], flight_number[2:]
    return f"{carrier or airline(code)} {digits(numeral)}"


def airline(code: str) -> str:
    """Says "Air India" for AI; the code's letters when it has no known name."""
    known = carriers().get(code)
    return known.name if known else " ".join(code)


def clock(moment: time | datetime) -> str:
    """Says "six fifteen in the morning", "noon", "ten oh five at night"."""
    words = bare_clock(moment)
    return words if words in ("noon", "midnight") else f"{words} {_part_of_day(moment.hour)}"


def clock_after(moment: datetime, since: date) -> str:
    """Says "eight thirty in the morning two days later": a local time, with its day when that isn't the day of `since`."""
    days = (moment.date() - since).days
    # The midnight after a day's evening begins the next day, but nobody calls it the next day's.
    if days > 0 and (moment.hour, moment.minute) == (0, 0):
        days -= 1
    return clock(moment) + _days_later(days)


def _days_later(days: int) -> str:
    if days in (-1, 0, 1):
        return ("", " the next day", " the day before")[days]
    return f" {number(abs(days))} days {'later' if days > 0 else 'before'}"


def bare_clock(moment: time | datetime) -> str:
    """Says "six fifteen", "noon", "ten oh five", where the part of the day is clear."""
    hour, minute = moment.hour, moment.minute
    if minute == 0 and hour in (0, 12):
        return "noon" if hour else "midnight"
    if minute == 0:
        return number(hour % 12 or 12)
    minutes = f"oh {number(minute)}" if minute < 10 else number(minute).replace("-", " ")
    return f"{number(hour % 12 or 12)} {minutes}"


def _part_of_day(hour: int) -> str:
    if 4 <= hour < 12:
        return "in the morning"
    if 12 <= hour < 17:
        return "in the afternoon"
    return "in the evening" if 17 <= hour < 21 else "at night"


def day(when: date, today: date) -> str:
    """Says "tomorrow, Tuesday the twenty-fourth", "on Friday the twenty-seventh of November": the date always, so a slip is heard."""
    ahead = (when - today).days
    if ahead in (0, 1):
        return f"{('today', 'tomorrow')[ahead]}, {_WEEKDAYS[when.weekday()]} the {ordinal(when.day)}"
    return f"on {weekday_date(when)}"


def weekday(when: date) -> str:
    """Says "Friday"."""
    return _WEEKDAYS[when.weekday()]


def weekday_date(when: date) -> str:
    """Says "Friday the twenty-seventh of November"."""
    return f"{weekday(when)} {full_date(when)}"


def full_date(when: date) -> str:
    """Says "the nineteenth of October"."""
    return f"the {ordinal(when.day)} of {_MONTHS[when.month - 1]}"


def duration(length: timedelta) -> str:
    """Says "two hours and forty-five minutes"."""
    hours, minutes = divmod(round(length.total_seconds() / 60), 60)
    parts = [counted(amount, unit) for amount, unit in ((hours, "hour"), (minutes, "minute")) if amount]
    return " and ".join(parts) or "no time"


def counted(amount: int, noun: str) -> str:
    """Says "one flight", "three flights"."""
    return f"{number(amount)} {noun}{'' if amount == 1 else 's'}"


@cache
def _currencies() -> Mapping[str, Any]:
    text = resources.files("agent.language.en").joinpath("data/currencies.json").read_text(encoding="utf-8")
    currencies: Mapping[str, Any] = json.loads(text)
    return currencies


def price(amount: Price) -> str:
    """Says "five thousand two hundred rupees", rounded to whole units: nobody listens to paise."""
    whole = int(amount.amount.quantize(Decimal(1), ROUND_HALF_UP))
    one, many = _currencies().get(amount.currency, (amount.currency, amount.currency))
    return f"{number(whole, indian=amount.currency == 'INR')} {one if whole == 1 else many}"


def listed(items: Sequence[str]) -> str:
    """Says "a, b and c"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
