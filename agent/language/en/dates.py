"""Spoken days: "tomorrow", "next Friday", "the third of March", "in two weeks"."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from agent.language.days import SATURDAY, CalendarDay, DateExpression, DaysAhead, FromReference, Weekday
from agent.language.en.negation import negated
from agent.language.en.numbers import CARDINAL, ORDINAL, cardinal, ordinal
from agent.language.spans import Found, found_at, without_overlaps

_WEEKDAYS = {"mon": 0, "tue": 1, "wed": 2, "wen": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6}
_MONTHS = {
    month: number
    for number, month in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], start=1
    )
}
_WEEKDAY = r"(?:mon|tues?|wednes|wends|wed|thurs?|thu|fri|satur|sat|sun)(?:day)?s?"
_WEEKDAY_NAME = r"(?:mon|tues|wednes|wends|wends|thurs|fri|satur|sun)day"
_MONTH = (
    r"(?:january|jan|february|febuary|feb|march|mar|april|apr|may|june|jun|july|jul|august|aug|september|"
    r"sept|sep|october|oct|november|nov|december|dec)\b\.?"
)
_PART = r"(?=(?: in the)? (?:early |late )?(?:morning|afternoon|evening|night)|[ ,.?!]*$|,)"
# Recognisers wrote "to Mara morning" and "Tamaro" for "tomorrow (morning)". But "to Mara" in the middle of a
# sentence may be a town.
_TOMORROW = (
    r"(?:to ?-?morr?ow|tomm?orr?ow|tomm?orow|tmrw|tmr|to morrow|two morrow|t[oaeu] ?m[ao]rr?(?:a|o|u|ow)"
    + _PART
    + ")"
)
_DAY_NUMBER = rf"(?:{ORDINAL}|{CARDINAL})"
_YEAR = r"(?:,? (?P<year>20\d\d|twenty (?:twenty[ -])?(?:five|six|seven|eight|nine)))?"


def _year(words: str | None) -> int | None:
    if not words:
        return None
    return int(words) if words.isdigit() else 2000 + 20 + cardinal(re.split(r"[ -]", words)[-1])


def _day(words: str) -> int:
    return ordinal(words) if re.fullmatch(ORDINAL, words) else cardinal(words)


def _weekday(match: re.Match[str]) -> DateExpression:
    weekday = _WEEKDAYS[match["weekday"][:3]]
    which = " ".join(filter(None, (match["which"], match["after"])))
    if "after next" in which:
        return Weekday(weekday, weeks=2)
    if "next" in which:
        return Weekday(weekday, weeks=1)
    return Weekday(weekday, or_today="this" in which)


def _calendar_day(match: re.Match[str]) -> DateExpression:
    return CalendarDay(_day(match["day"]), _MONTHS[match["month"][:3]], _year(match["year"]))


def _slashed(match: re.Match[str]) -> DateExpression:
    # The day comes first, as in India and most countries, unless only month first gives a valid date.
    first, second = int(match["first"]), int(match["second"])
    day, month = (second, first) if second > 12 >= first else (first, second)
    year = match["year"]
    return CalendarDay(day, month, int(year) % 100 + 2000 if year else None)


_DAYS_IN = {"day": 1, "week": 7, "fortnight": 14, "month": 30, "year": 365}


def _days(match: re.Match[str]) -> int:
    count = match["count"]
    amount = 1 if count in ("a", "an", "the") else 2 if "couple" in count else cardinal(count)
    return min(amount, 10_000) * _DAYS_IN[match["unit"]]


def _ahead(match: re.Match[str]) -> DateExpression:
    return DaysAhead(_days(match))


def _from_reference(match: re.Match[str]) -> DateExpression:
    side = match["side"] or match["than"]
    return FromReference(_days(match) if side in ("later", "after") else -_days(match))


_Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], DateExpression]]


def _rule(pattern: str, meaning: DateExpression | Callable[[re.Match[str]], DateExpression]) -> _Rule:
    compiled = re.compile(rf"\b(?:(?:on|for) )?(?:the )?{pattern}")
    return compiled, meaning if callable(meaning) else lambda _: meaning


_RULES: tuple[_Rule, ...] = (
    _rule(rf"day (?:after|of the) {_TOMORROW}|overmorrow\b", DaysAhead(2)),
    _rule(r"day before yesterday\b", DaysAhead(-2)),
    _rule(rf"{_TOMORROW}", DaysAhead(1)),
    _rule(
        r"(?:today|to day|tonight|to night|right away|as soon as possible|this (?:morning|afternoon|evening|"
        r"night))\b",
        DaysAhead(0),
    ),
    _rule(r"(?:yesterday|last night)\b", DaysAhead(-1)),
    _rule(r"(?:(?:next|following) day|day after(?: that)?)\b", FromReference(1)),
    _rule(r"(?:previous day|day before(?: that)?)\b", FromReference(-1)),
    _rule(r"following week\b", FromReference(7)),
    _rule(r"(?:previous week|week before(?: that)?)\b", FromReference(-7)),
    _rule(
        rf"(?P<count>an?(?: couple of)?|the|{CARDINAL}) (?P<unit>day|week|fortnight|month)s? "
        r"(?:(?P<side>later|earlier|sooner)\b(?: than that)?|(?P<than>after|before)(?: that\b| it\b|"
        r"(?= ?[,.?!]| ?$| please)))",
        _from_reference,
    ),
    _rule(r"(?:(?:week(?:end)? after next)|next weekend)\b", Weekday(SATURDAY, weeks=1)),
    _rule(r"(?:this |coming )?week ?end\b", Weekday(SATURDAY, or_today=True)),
    _rule(
        rf"(?P<which>(?:this |next |coming |following )*)(?P<weekday>{_WEEKDAY})\b(?P<after>(?: after)? next"
        r"(?: week)?| week)?",
        _weekday,
    ),
    _rule(rf"(?P<which>next) week(?: on)? (?P<weekday>{_WEEKDAY})\b(?P<after>)", _weekday),
    _rule(
        rf"(?:{_WEEKDAY_NAME},? )?(?:the )?(?P<day>{_DAY_NUMBER})(?: of|,)? (?P<month>{_MONTH}){_YEAR}",
        _calendar_day,
    ),
    _rule(
        rf"(?:{_WEEKDAY_NAME},? )?(?P<month>{_MONTH}) (?:the )?(?P<day>{_DAY_NUMBER}){_YEAR}\b"
        r"(?! ?(?:am|pm)\b)",
        _calendar_day,
    ),
    _rule(r"(?P<year>20\d\d)-(?P<second>\d\d?)-(?P<first>\d\d?)\b", _slashed),
    _rule(
        r"(?P<first>\d\d?)[/.-](?P<second>\d\d?)(?:[/.-](?P<year>20\d\d|\d\d))?\b(?! ?(?:am|pm|a\.m|p\.m)\b)",
        _slashed,
    ),
    _rule(
        rf"(?:in|after) (?P<count>an?(?: couple of)?|{CARDINAL}) (?P<unit>day|week|fortnight|month|year)s?\b"
        r"(?: time)?",
        _ahead,
    ),
    _rule(
        rf"(?P<count>an?(?: couple of)?|{CARDINAL}) (?P<unit>day|week|fortnight|month|year)s? from "
        r"(?:now|today)\b",
        _ahead,
    ),
    _rule(r"next week\b", Weekday(0, weeks=1)),
)
# "The fifth" and "the 5th", but not "the second one" or "fifth option".
_DAY_ALONE = re.compile(
    rf"\b(?:(?:on|for) )?the (?P<day>{ORDINAL})\b(?! (?:one|option|flight|of\b|choice|result|cheapest|class|"
    r"time))"
)


def find_dates(text: str, *, day_alone: bool = True) -> list[Found[DateExpression]]:
    """Find days in lower-case `text`.

    With `day_alone`, "the second" is read as a day. Pass False while the caller chooses a flight.
    """
    found: list[Found[DateExpression]] = [
        found_at(match, meaning(match)) for pattern, meaning in _RULES for match in pattern.finditer(text)
    ]
    if day_alone:
        found += [found_at(match, CalendarDay(ordinal(match["day"]))) for match in _DAY_ALONE.finditer(text)]
    return without_overlaps(found)


def split_rejected(
    text: str, dates: Sequence[Found[DateExpression]]
) -> tuple[list[Found[DateExpression]], list[Found[DateExpression]]]:
    """Return the wanted days, and the rejected ones: "not tomorrow, the day after"."""
    rejected = [piece for piece in dates if negated(text, piece.start, piece.end)]
    return [piece for piece in dates if piece not in rejected], rejected


_RETURN = re.compile(r"\b(?:return(?:ing)?(?! ticket| flight| trip| journey)|back|until|till|through)\b")
_RETURN_TICKET = re.compile(r"\b(?:return|round[ -]?trip|both ways)\b")
_REPAIR = re.compile(r"\b(?:no|sorry|i mean|actually|rather|make that|wait)\b")


def split_dates(
    text: str, dates: Sequence[Found[DateExpression]]
) -> tuple[DateExpression | None, DateExpression | None]:
    """Return the day of departure and the day of return.

    If "no" or "sorry" stands between two days, the second replaces the first.
    """
    depart: DateExpression | None = None
    back: DateExpression | None = None
    end = 0
    for piece in dates:
        before, end = text[end : piece.start], piece.end
        if _RETURN.search(before):
            back = piece.value
        elif depart is None or _REPAIR.search(before):
            depart = piece.value
        elif back is None and _RETURN_TICKET.search(text):
            back = piece.value
    return depart, back
