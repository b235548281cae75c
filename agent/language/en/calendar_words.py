"""Words for weekdays, months and spans of time."""

from __future__ import annotations

import re

from agent.language.en.numbers import CARDINAL, ORDINAL, cardinal, ordinal

_WEEKDAYS = {"mon": 0, "tue": 1, "wed": 2, "wen": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6}
_MONTHS = {
    month: number
    for number, month in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], start=1
    )
}
WEEKDAY = r"(?:mon|tues?|wednes|wends|wed|thurs?|thu|fri|satur|sat|sun)(?:day)?s?"
WEEKDAY_NAME = r"(?:mon|tues|wednes|wends|thurs|fri|satur|sun)day"
MONTH = (
    r"(?:january|jan|february|febuary|feb|march|mar|april|apr|may|june|jun|july|jul|august|aug|september|"
    r"sept|sep|october|oct|november|nov|december|dec)\b\.?"
)
DAY_NUMBER = rf"(?:{ORDINAL}|{CARDINAL})"
_COUNT = rf"(?:an?(?: couple(?: of)?)?|the|another|{CARDINAL})"
AMOUNT = rf"(?P<count>{_COUNT})[ -](?P<unit>day|night|week|fortnight|month|year)s?\b"
"""An amount of time, with the groups `count` and `unit`, for `amount_of`."""
_DAYS_IN = {"day": 1, "night": 1, "week": 7, "fortnight": 14}
_MONTHS_IN = {"month": 1, "year": 12}
_MOST = 10_000


def weekday_of(words: str) -> int:
    """Return the weekday of a match of `WEEKDAY`. Monday is 0."""
    return _WEEKDAYS[words[:3]]


def month_of(words: str) -> int:
    """Return the month, from 1, of a match of `MONTH`."""
    return _MONTHS[words[:3]]


def day_of(words: str) -> int:
    """Return the value of a match of `DAY_NUMBER`."""
    return ordinal(words) if re.fullmatch(ORDINAL, words) else cardinal(words)


def amount_of(match: re.Match[str]) -> tuple[int, int]:
    """Return the days and the calendar months of a match of `AMOUNT`."""
    count, unit = match["count"] or "a", match["unit"]
    number = 1 if count in ("a", "an", "the", "another") else 2 if "couple" in count else cardinal(count)
    number = min(number, _MOST)
    return number * _DAYS_IN.get(unit, 0), number * _MONTHS_IN.get(unit, 0)
