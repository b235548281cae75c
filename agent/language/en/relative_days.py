"""Days counted from another named day: "two weeks from tomorrow", "the Friday before Christmas"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from agent.language.days import MONDAY, SATURDAY, DateExpression, Shifted, WeekdayNear
from agent.language.en.calendar_words import AMOUNT, WEEKDAY_NAME, amount_of, weekday_of
from agent.language.spans import Found

_LEADING = re.compile(r"(?:(?:on|for|by) )?(?:the )?")
_START = r"\b(?:(?:on|for|in|during) )?(?:the )?"
_SIDE = r"(?P<side>after|following|from|past|on|before|prior to|ahead of)"
_AMOUNT = re.compile(rf"{_START}{AMOUNT} {_SIDE} (?:the )?$")
_ONE = re.compile(rf"{_START}(?P<count>)(?P<unit>day|week|month) (?P<side>after|following|before) (?:the )?$")
_WEEKDAY = re.compile(
    rf"{_START}(?P<weekday>{WEEKDAY_NAME}|weekend|week) (?P<side>after|following|before|of) (?:the )?$"
)
_BACKWARDS = ("before", "prior to", "ahead of")


def _from_amount(match: re.Match[str], anchor: DateExpression) -> DateExpression | None:
    # "A week on Monday" is a day, but "for a week on Monday" has the length of a stay.
    if match["side"] == "on" and (match["unit"] != "week" or match.group().startswith("for ")):
        return None
    sign = -1 if match["side"] in _BACKWARDS else 1
    days, months = amount_of(match)
    return Shifted(anchor, sign * days, sign * months)


def _from_weekday(match: re.Match[str], anchor: DateExpression) -> DateExpression | None:
    word, side = match["weekday"], match["side"]
    if word == "week":
        return WeekdayNear(anchor, MONDAY) if side == "of" else None
    weekday = SATURDAY if word == "weekend" else weekday_of(word)
    return WeekdayNear(anchor, weekday, {"of": 0, "before": -1}.get(side, 1))


_RULES = ((_AMOUNT, _from_amount), (_ONE, _from_amount), (_WEEKDAY, _from_weekday))


def relative_days(text: str, anchors: Iterable[Found[DateExpression]]) -> Iterator[Found[DateExpression]]:
    """Yield the days in lower-case `text` that are counted from one of the `anchors`."""
    for anchor in anchors:
        leading = _LEADING.match(text, anchor.start)
        assert leading is not None
        for pattern, meaning in _RULES:
            match = pattern.search(
                text[: leading.end()] if leading.end() < anchor.end else text[: anchor.start]
            )
            if match and match.start() < anchor.start and (value := meaning(match, anchor.value)):
                yield Found(match.start(), anchor.end, value)
