"""Spoken names of holidays: "Christmas Eve", "Diwali"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from agent.language.days import CalendarDay, DateExpression, Shifted
from agent.language.en.data import load
from agent.language.public_holidays import PublicHoliday
from agent.language.spans import Found, found_at

_HOLIDAYS: Mapping[str, Mapping[str, Any]] = load("holidays")
_NAMES = {
    re.compile(rf"\b(?:(?:on|for|at|over) )?(?:the )?(?:{words})(?P<eve>(?: day)?'?s? eve)?\b"): entry
    for words, entry in _HOLIDAYS.items()
}


def _meaning(entry: Mapping[str, Any], country: str) -> DateExpression:
    if "day" in entry:
        return CalendarDay(entry["day"], entry["month"])
    holiday = PublicHoliday(entry["name"], entry.get("country", country))
    return Shifted(holiday, entry["days"]) if "days" in entry else holiday


def find_holidays(text: str, country: str) -> list[Found[DateExpression]]:
    """Find holidays in lower-case `text`. Those of `country`, an ISO 3166-1 alpha-2 code, come first."""
    found: list[Found[DateExpression]] = []
    for pattern, entry in _NAMES.items():
        for match in pattern.finditer(text):
            day = _meaning(entry, country)
            found.append(found_at(match, Shifted(day, -1) if match["eve"] else day))
    return found
