"""What kind of flight: with how many stops, in which order, in which cabin, and which of those on offer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from functools import cache
from typing import Any

from agent.language.en.airlines import carrier_pattern, find_carriers
from agent.language.en.negation import negated
from agent.language.en.numbers import CARDINAL, ORDINAL, cardinal, ordinal
from agent.language.spans import Found

_STOPS = r"(?:stops?|layovers?|stopovers?|connections?|changes?)"
_NONSTOP = re.compile(
    rf"\b(?:non[ -]?stops?|nan stop|non stopping|directs?|straight|(?:without|with no|with out|no|zero)(?: any| a)? {_STOPS})\b",
)
_WITH_STOPS = re.compile(
    rf"\b(?:{_STOPS} (?:is|are) (?:fine|ok|okay)|with (?:a )?stops?|not (?:only |necessarily )?(?:non[ -]?stop|direct))\b",
)
_MOST_STOPS = re.compile(rf"\b(?P<most>one|1|a single|two|2)[ -]{_STOPS}\b(?! (?:in|over|at(?! most))\b)")
_SORTS = (
    (
        "cheapest",
        re.compile(
            r"\b(?:cheap(?:er|est|ly)?|(?:lowest|low|best|good) (?:fare|price|cost)s?|(?:less|least) expensive|lowest|budget|affordable)\b",
        ),
    ),
    ("fastest", re.compile(r"\b(?:fast(?:er|est)?|quick(?:er|est)?|shorter|shortest|least time)\b")),
    (
        "earliest",
        re.compile(
            r"\b(?:earli(?:er|est)|first (?:available |possible )?flights?|soonest|as early as possible)\b"
        ),
    ),
    (
        "latest",
        re.compile(
            r"\b(?:latest|later|last (?:available |possible )?flights?|as late as possible)\b(?! than)"
        ),
    ),
)
_CABINS = (
    ("premium_economy", re.compile(r"\bpremium(?: economy)?(?: class)?\b")),
    ("business", re.compile(r"\bbusiness(?: class)?\b(?! trip| meeting)")),
    ("first", re.compile(r"\bfirst class\b")),
    ("economy", re.compile(r"\b(?:economy|coach)(?: class)?\b")),
)


def _first(text: str, table: tuple[tuple[str, re.Pattern[str]], ...]) -> Found[str] | None:
    for value, pattern in table:
        if match := pattern.search(text):
            return Found(match.start(), match.end(), value)
    return None


def find_nonstop(text: str) -> Found[bool] | None:
    """Whether lower-case `text` wants no stops (True) or takes them after all (False)."""
    for wanted, pattern in ((False, _WITH_STOPS), (True, _NONSTOP)):
        if match := pattern.search(text):
            return Found(match.start(), match.end(), wanted)
    return None


def find_most_stops(text: str) -> Found[int] | None:
    """Finds how many stops there may be at most: "only with one stop", "two stops at most"."""
    match = _MOST_STOPS.search(text)
    return Found(match.start(), match.end(), 2 if match["most"] in ("two", "2") else 1) if match else None


def find_sort(text: str) -> Found[str] | None:
    """Finds "cheapest", "fastest", "earliest" or "latest"."""
    return _first(text, _SORTS)


def find_cabin(text: str) -> Found[str] | None:
    """Finds "economy", "premium_economy", "business" or "first"."""
    return _first(text, _CABINS)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of the flights on offer: by place in the list (from 1; -1 is the last), by what it is best at, by airline, or by departure."""

    ordinal: int | None = None
    by: str | None = None
    airline: str | None = None
    time: time | None = None

    def to_json(self) -> dict[str, Any]:
        """The one thing that was said, by its name."""
        given = {
            "ordinal": self.ordinal,
            "by": self.by,
            "airline": self.airline,
            "time": self.time and self.time.strftime("%H:%M"),
        }
        return {name: value for name, value in given.items() if value is not None}


_ONE = r"(?:one|ones|option|flight|choice|result|card)"
_BY_ORDINAL = re.compile(
    rf"\b(?:the )?(?P<ordinal>{ORDINAL})(?: {_ONE})\b|\bthe (?P<alone>{ORDINAL})(?=[ ,.?!]*$| please)|^(?P<bare>{ORDINAL})(?=[ ,.?!]*$)"
)
_BY_NUMBER = re.compile(
    rf"\b(?:option|number|flight number|choice|result)s? (?P<number>{CARDINAL})\b(?! ?\d)"
)
_LAST = re.compile(rf"\b(?:the )?(?:very )?last {_ONE}\b|\bthe last(?=[ ,.?!]*$| please)")
_MIDDLE = re.compile(rf"\bthe middle {_ONE}\b")
_BY = re.compile(
    rf"\b(?:the )?(?P<by>cheapest|cheaper|fastest|quickest|shortest|earliest|earlier|latest|later|morning|evening) {_ONE}\b"
)
_WHICH_IS = re.compile(
    r"\b(?:which|what)(?: one| flight| option)?(?: is|'s) (?:the )?(?P<by>cheapest|fastest|quickest|shortest|earliest|latest)(?=[ ,.?!]*$)",
)
_BEST = {
    "cheaper": "cheapest",
    "quickest": "fastest",
    "shortest": "fastest",
    "earlier": "earliest",
    "later": "latest",
    "morning": "earliest",
    "evening": "latest",
}
_MINUTES = r"(?:fifteen|thirty|forty five|\d\d)"
_AT = re.compile(
    rf"\bthe (?:one at )?(?P<hour>{CARDINAL})(?:[: ](?P<minute>{_MINUTES}))?(?: ?(?P<half>[ap])\.?m\.?)?(?: o'?clock)?"
    r" (?:one|flight|option)\b",
)


def _by_time(match: re.Match[str]) -> Choice | None:
    hour, minute = cardinal(match["hour"]), cardinal(match["minute"] or "zero")
    if (
        hour > 23
        or minute > 59
        or not (match["minute"] or match["half"] or "clock" in match.group() or "at" in match.group())
    ):
        return None
    return Choice(time=time(hour % 12 + 12 * (match["half"] == "p") if match["half"] else hour, minute))


@cache
def _airlines_one() -> re.Pattern[str]:
    return re.compile(rf"\bthe (?:{carrier_pattern()})(?: {_ONE})\b")


def _meant(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """The first match that isn't turned down: of "not the first one, the second one" the second."""
    return next(
        (match for match in pattern.finditer(text) if not negated(text, match.start(), match.end())), None
    )


def _by_airline(text: str) -> Found[Choice] | None:
    if match := _meant(_airlines_one(), text):
        return Found(match.start(), match.end(), Choice(airline=find_carriers(match.group())[0].value))
    return None


def find_choice(text: str) -> Found[Choice] | None:
    """The flight that lower-case `text` points at among those on offer."""
    if match := _meant(_BY, text) or _WHICH_IS.search(text):
        return Found(match.start(), match.end(), Choice(by=_BEST.get(match["by"], match["by"])))
    if match := _meant(_LAST, text):
        return Found(match.start(), match.end(), Choice(ordinal=-1))
    if (match := _meant(_AT, text)) and (choice := _by_time(match)):
        return Found(match.start(), match.end(), choice)
    if match := _meant(_BY_ORDINAL, text):
        return Found(match.start(), match.end(), Choice(ordinal=ordinal(next(filter(None, match.groups())))))
    if match := _meant(_BY_NUMBER, text):
        return Found(match.start(), match.end(), Choice(ordinal=cardinal(match["number"])))
    if match := _meant(_MIDDLE, text):
        return Found(match.start(), match.end(), Choice(ordinal=2))
    return _by_airline(text)
