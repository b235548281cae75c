"""Wishes for a flight: number of stops, order of results, cabin."""

from __future__ import annotations

import re

from agent.language.spans import Found, found_at

_STOPS = r"(?:stops?|layovers?|stopovers?|connections?|changes?)"
_NONSTOP = re.compile(
    r"\b(?:non[ -]?stops?|nan stop|non stopping|directs?|straight|(?:without|with no|with out|no|zero)"
    rf"(?: any| a)? {_STOPS})\b"
)
_WITH_STOPS = re.compile(
    rf"\b(?:{_STOPS} (?:is|are) (?:fine|ok|okay)|with (?:a )?stops?|not (?:only |necessarily )?"
    r"(?:non[ -]?stop|direct))\b"
)
_MOST_STOPS = re.compile(rf"\b(?P<most>one|1|a single|two|2)[ -]{_STOPS}\b(?! (?:in|over|at(?! most))\b)")
_SORTS = (
    (
        "cheapest",
        re.compile(
            r"\b(?:cheap(?:er|est|ly)?|(?:lowest|low|best|good) (?:fare|price|cost)s?|"
            r"(?:less|least) expensive|lowest|budget|affordable)\b"
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
            return found_at(match, value)
    return None


def find_nonstop(text: str) -> Found[bool] | None:
    """Find whether lower-case `text` asks for no stops (True) or accepts them again (False)."""
    for wanted, pattern in ((False, _WITH_STOPS), (True, _NONSTOP)):
        if match := pattern.search(text):
            return found_at(match, wanted)
    return None


def find_most_stops(text: str) -> Found[int] | None:
    """Find the highest number of stops allowed: "only with one stop", "two stops at most"."""
    match = _MOST_STOPS.search(text)
    return found_at(match, 2 if match["most"] in ("two", "2") else 1) if match else None


def find_sort(text: str) -> Found[str] | None:
    """Find "cheapest", "fastest", "earliest" or "latest"."""
    return _first(text, _SORTS)


def find_cabin(text: str) -> Found[str] | None:
    """Find "economy", "premium_economy", "business" or "first"."""
    return _first(text, _CABINS)
