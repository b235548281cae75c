"""Wishes for flights: number of stops, order of results, cabin."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from agent.language.en.data import patterns
from agent.language.en.negation import negated
from agent.language.en.repairs import unreplaced
from agent.language.spans import Found, found_at, without_overlaps

T = TypeVar("T")

_STOPS = r"(?:stops?|layovers?|stopovers?|connections?|changes?)"
_NONSTOP = re.compile(
    r"\b(?:non[ -]?stops?|nan stop|non stopping|no-stops?|directs?|straight|continuous|(?:without|with no|"
    rf"with out|no|zero)(?: any| a| any (?:sort|kind) of)? {_STOPS})\b"
)
_WITH_STOPS = re.compile(
    rf"\b(?:{_STOPS} (?:is|are) (?:fine|ok|okay)|with (?:a )?stops?|not (?:only |necessarily )?"
    r"(?:non[ -]?stop|direct))\b"
)
_MOST_STOPS = re.compile(rf"\b(?P<most>one|1|a single|two|2)[ -]{_STOPS}\b(?! (?:in|over|at(?! most))\b)")
_STOPS_WISHES = {False: _WITH_STOPS, True: _NONSTOP}
_SORTS, _CABINS = patterns("sorts"), patterns("cabins")


def _first(text: str, meanings: Mapping[T, re.Pattern[str]]) -> Found[T] | None:
    matches = ((pattern.search(text), meaning) for meaning, pattern in meanings.items())
    return next((found_at(match, meaning) for match, meaning in matches if match), None)


def find_nonstop(text: str) -> Found[bool] | None:
    """Find words in lower-case `text` that ask for nonstop flights (True) or accept stops again (False)."""
    return _first(text, _STOPS_WISHES)


def find_most_stops(text: str) -> Found[int] | None:
    """Find the maximum number of stops: "only with one stop", "two stops at most"."""
    match = _MOST_STOPS.search(text)
    return found_at(match, 2 if match["most"] in ("two", "2") else 1) if match else None


def find_sort(text: str) -> Found[str] | None:
    """Find the wanted order: "cheapest", "fastest", "earliest" or "latest"."""
    return _first(text, _SORTS)


def find_cabin(text: str) -> Found[str] | None:
    """Find the wanted cabin: "economy", "premium_economy", "business" or "first".

    "Business or economy" accepts both, so it names none.
    """
    named = without_overlaps(
        [found_at(match, cabin) for cabin, pattern in _CABINS.items() for match in pattern.finditer(text)]
    )
    wanted = unreplaced(text, [piece for piece in named if not negated(text, piece.start, piece.end)])
    return wanted[-1] if len({piece.value for piece in wanted}) == 1 else None
