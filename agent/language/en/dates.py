"""Spoken days: "tomorrow", "next Friday", "the third of March", "the first Monday of next month".

The rules find days that stand alone. Days counted from one of those, and holidays, have grammars of their
own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from agent.language.days import (
    SATURDAY,
    CalendarDay,
    DateExpression,
    DaysAhead,
    FromReference,
    InMonth,
    Shifted,
    Weekday,
)
from agent.language.en.calendar_words import (
    AMOUNT,
    DAY_NUMBER,
    MONTH,
    WEEKDAY,
    WEEKDAY_NAME,
    amount_of,
    day_of,
    month_of,
    weekday_of,
)
from agent.language.en.holidays import find_holidays
from agent.language.en.negation import negated
from agent.language.en.numbers import ORDINAL, TENS, UNITS, cardinal, ordinal
from agent.language.en.relative_days import relative_days
from agent.language.en.trips import range_days
from agent.language.spans import Found, found_at, without_overlaps

_PART = r"(?=(?: in the)? (?:early |late )?(?:morning|afternoon|evening|night)|[ ,.?!]*$|,)"
# Recognisers wrote "to Mara morning" and "Tamaro" for "tomorrow (morning)". But "to Mara" in the middle of a
# sentence may be a town.
_TOMORROW = (
    r"(?:to ?-?morr?ow|tomm?orr?ow|tomm?orow|tmrw|tmr|to morrow|two morrow|t[oaeu] ?m[ao]rr?(?:a|o|u|ow)"
    + _PART
    + ")"
)
_YEAR = rf"(?:,? (?P<year>20\d\d|twenty (?:{'|'.join(TENS)})(?:[ -](?:{'|'.join(UNITS)}))?))?"
_THIS_MONTH = r"(?P<which>this|(?:the )?(?:next|following|coming|same|current|same)|the) month"
_OF_MONTH = rf"(?:(?:of|in|on) )?(?:{_THIS_MONTH}|(?P<month>{MONTH}))"
_COUNTED_OF = r"(?P<nth>first|second|third|fourth|fifth|last|1st|2nd|3rd|4th|5th)"


def _year(words: str | None) -> int | None:
    if not words:
        return None
    return int(words) if words.isdigit() else 2000 + cardinal(words.removeprefix("twenty "))


def _weekday(match: re.Match[str]) -> DateExpression:
    weekday = weekday_of(match["weekday"])
    which, after = match["which"], match["after"] or ""
    if "after next" in after:
        return Weekday(weekday, weeks=2)
    if "next" in which + after:
        return Weekday(weekday, weeks=1)
    if "last" in which:
        return Shifted(Weekday(weekday, or_today=True), -7)
    # "Friday week" is a week after Friday.
    return (
        Shifted(Weekday(weekday), 7)
        if after.strip() == "week"
        else Weekday(weekday, or_today="this" in which + after)
    )


def _weekday_ahead(match: re.Match[str]) -> DateExpression:
    return Weekday(weekday_of(match["weekday"]), weeks=amount_of(match)[0] // 7)


def _calendar_day(match: re.Match[str]) -> DateExpression:
    return CalendarDay(day_of(match["day"]), month_of(match["month"]), _year(match["year"]))


def _weekday_and_day(match: re.Match[str]) -> DateExpression:
    return CalendarDay(day_of(match["day"]), weekday=weekday_of(match["weekday"]))


def _slashed(match: re.Match[str]) -> DateExpression:
    # The day comes first, as in India and most countries, unless only month first gives a valid date.
    first, second = int(match["first"]), int(match["second"])
    day, month = (second, first) if second > 12 >= first else (first, second)
    year = match["year"]
    return CalendarDay(day, month, int(year) % 100 + 2000 if year else None)


def _in_month(match: re.Match[str], nth: int, weekday: int | None = None) -> DateExpression:
    if match["month"]:
        return InMonth(nth, weekday, month_of(match["month"]))
    return InMonth(nth, weekday, months=0 if match["which"].split()[-1] in _NOW else 1)


_NOW = ("this", "the", "same", "current")


def _day_of_month(match: re.Match[str]) -> DateExpression:
    # "The fifth of the month" is the next fifth.
    return (
        CalendarDay(day_of(match["day"]))
        if match["which"] == "the"
        else _in_month(match, day_of(match["day"]))
    )


def _nth_of_month(match: re.Match[str]) -> DateExpression:
    nth = -1 if match["nth"] == "last" else ordinal(match["nth"])
    unit = match["unit"]
    if unit == "day":
        return _in_month(match, nth)
    if unit == "week":
        return _in_month(match, 7 * nth - 6 if nth > 0 else -7)
    return _in_month(match, nth, SATURDAY if unit == "weekend" else weekday_of(unit))


_PARTS_OF_MONTH = {"beg": 1, "sta": 1, "ear": 1, "mid": 15, "end": -3, "lat": -7}


def _part_of_month(match: re.Match[str]) -> DateExpression:
    return _in_month(match, _PARTS_OF_MONTH[match["part"][:3]])


def _ahead(match: re.Match[str]) -> DateExpression:
    return DaysAhead(*amount_of(match))


def _from_reference(match: re.Match[str]) -> DateExpression:
    sign = 1 if (match["side"] or match["than"]) in ("later", "after") else -1
    days, months = amount_of(match)
    return FromReference(sign * days, sign * months)


_Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], DateExpression]]


def _rule(pattern: str, meaning: DateExpression | Callable[[re.Match[str]], DateExpression]) -> _Rule:
    compiled = re.compile(rf"\b(?:(?:on|for) )?(?:the )?{pattern}")
    return compiled, meaning if callable(meaning) else lambda _: meaning


_RULES: tuple[_Rule, ...] = (
    _rule(rf"day (?:after|of the) {_TOMORROW}|overmorrow\b", DaysAhead(2)),
    _rule(r"day before yesterday\b", DaysAhead(-2)),
    _rule(rf"{_TOMORROW}", DaysAhead(1)),
    _rule(
        r"(?:(?:(?:later?|early|earlier) (?:on )?)?today|to day|tonight|to night|right away|"
        r"as soon as possible|this (?:morning|afternoon|evening|night))\b",
        DaysAhead(0),
    ),
    _rule(r"(?:yesterday|last night)\b", DaysAhead(-1)),
    _rule(r"(?:(?:next|following) day|day after(?: that)?)\b", FromReference(1)),
    _rule(r"(?:previous day|day before(?: that)?)\b", FromReference(-1)),
    _rule(r"following week\b", FromReference(7)),
    _rule(r"(?:previous week|week before(?: that)?)\b", FromReference(-7)),
    _rule(
        rf"{AMOUNT} (?:(?P<side>later|earlier|sooner)\b(?: than that)?|(?P<than>after|before)(?: that\b|"
        r" it\b|(?= ?[,.?!]| ?$| please)))",
        _from_reference,
    ),
    _rule(r"(?:(?:week(?:end)? after next)|next weekend)\b", Weekday(SATURDAY, weeks=1)),
    _rule(r"(?:this |coming )?week ?end\b", Weekday(SATURDAY, or_today=True)),
    _rule(
        rf"(?P<which>(?:this |next |coming |following |last )*)(?P<weekday>{WEEKDAY})\b(?P<after>(?: after)? "
        r"next(?: week)?| (?:of )?(?:this |the following )?week)?",
        _weekday,
    ),
    _rule(rf"(?P<which>next) week(?: on)? (?P<weekday>{WEEKDAY})\b(?P<after>)", _weekday),
    _rule(rf"(?P<weekday>{WEEKDAY})\b,? in {AMOUNT}(?<=week|eeks)(?: time)?", _weekday_ahead),
    _rule(
        rf"(?:{WEEKDAY_NAME},? )?(?:the )?(?P<day>{DAY_NUMBER})(?: day)?(?: of|,)? (?P<month>{MONTH}){_YEAR}",
        _calendar_day,
    ),
    _rule(
        rf"(?:{WEEKDAY_NAME},? )?(?P<month>{MONTH}) (?:the )?\"?(?P<day>{DAY_NUMBER})\b\"?{_YEAR}(?!\w)"
        r"(?! ?(?:am|pm)\b)",
        _calendar_day,
    ),
    _rule(rf"(?P<weekday>{WEEKDAY_NAME}),? (?:the )?(?P<day>{ORDINAL})\b", _weekday_and_day),
    _rule(rf"(?:{WEEKDAY_NAME},? )?(?:the )?(?P<day>{ORDINAL}),? {_OF_MONTH}\b", _day_of_month),
    _rule(
        rf"{_COUNTED_OF} (?P<unit>day|week|weekend|{WEEKDAY_NAME}) {_OF_MONTH}(?!\w)",
        _nth_of_month,
    ),
    _rule(
        rf"(?P<part>beginning|start|early|middle|mid|end|late)[ -](?:part )?{_OF_MONTH}(?!\w)",
        _part_of_month,
    ),
    _rule(r"(?P<year>20\d\d)-(?P<second>\d\d?)-(?P<first>\d\d?)\b", _slashed),
    _rule(
        r"(?P<first>\d\d?)[/.-](?P<second>\d\d?)(?:[/.-](?P<year>20\d\d|\d\d))?\b(?! ?(?:am|pm|a\.m|p\.m)\b)",
        _slashed,
    ),
    # "Later in the day" names no other day.
    _rule(rf"(?:in|after) (?!the ){AMOUNT}(?: time)?(?! (?:from|after|before|on|later)\b)", _ahead),
    _rule(rf"{AMOUNT} from (?:now|today)\b", _ahead),
    _rule(r"next week\b", Weekday(0, weeks=1)),
)
# "The fifth" and "the 5th", but not "the second one" or "fifth option".
_NO_DAY_AFTER = (
    r"one|option|flight|of\b|choice|result|cheapest|class|time|day|week|weekend|month|leg|part|half|ticket|"
    rf"person|passenger|{WEEKDAY_NAME}"
)
_DAY_ALONE = re.compile(
    rf"\b(?:(?:on|for) )?the (?P<day>{ORDINAL})\b(?! (?:{_NO_DAY_AFTER}))"
    # People leave out the article only after "on" and with digits: "on 5th".
    rf"|\bon (?P<digits>\d\d? ?(?:st|nd|rd|th))\b(?! (?:{_NO_DAY_AFTER}))"
)


def find_dates(text: str, *, day_alone: bool = True, country: str = "IN") -> list[Found[DateExpression]]:
    """Find days in lower-case `text`.

    With `day_alone`, "the second" is read as a day. Pass False while the caller chooses a flight. `country`
    is the caller's, for the names of holidays.
    """
    found: list[Found[DateExpression]] = [
        found_at(match, meaning(match)) for pattern, meaning in _RULES for match in pattern.finditer(text)
    ]
    found += find_holidays(text, country)
    if day_alone:
        found += [
            found_at(match, CalendarDay(ordinal(match["day"] or match["digits"])))
            for match in _DAY_ALONE.finditer(text)
        ]
    found = without_overlaps([*found, *relative_days(text, found)])
    return without_overlaps([*found, *range_days(text, found)])


def split_rejected(
    text: str, dates: Sequence[Found[DateExpression]]
) -> tuple[list[Found[DateExpression]], list[Found[DateExpression]]]:
    """Return the wanted days, and the rejected ones: "not tomorrow, the day after"."""
    rejected = [piece for piece in dates if negated(text, piece.start, piece.end)]
    return [piece for piece in dates if piece not in rejected], rejected
