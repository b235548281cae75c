"""Qualifiers of a place: "Toronto, Ontario", "Portland Maine", "JFK airport in New York", "Atlanta, GA".

A state, a country or a city next to a place says which place is meant. It belongs to that place, and is no
place of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.flightdata.places.lexicon import LONGEST_CODE, Lexicon
from services.flightdata.places.matching import GENERIC_WORDS, certain
from services.flightdata.places.place import Candidate, Kind, Place, Resolution
from services.flightdata.places.sentence import Sentence

LONGEST_AREA = 4
"""Maximum words of the name of a state or country (`Newfoundland and Labrador`)."""
_JOINING = frozenset({"in", "at", *GENERIC_WORDS})
"""Words that may stand between an airport and its city."""


@dataclass(frozen=True, slots=True)
class Window:
    """`words[start:end]` interpreted as a place, or as a decoy if `resolution` is None, with a score."""

    start: int
    end: int
    score: float
    resolution: Resolution | None


def qualified(lexicon: Lexicon, sentence: Sentence, windows: Sequence[Window]) -> list[Window]:
    """Return the places with their qualifiers, in order. `windows` don't overlap.

    A window that is the qualifier of another place is left out.
    """
    kept: list[Window] = []
    for window in sorted(windows, key=lambda window: window.start):
        if kept and window.start < kept[-1].end:
            continue  # a qualifier of the place before
        if kept and (joined := _airport_and_city(lexicon, sentence, kept[-1], window)):
            kept[-1] = joined
        else:
            kept.append(window)
        if kept[-1].resolution:
            kept[-1] = _with_area(lexicon, sentence, kept[-1], kept[-1].resolution)
    return kept


def _airport_and_city(lexicon: Lexicon, sentence: Sentence, first: Window, second: Window) -> Window | None:
    """Return both windows as one if they name an airport and its city, in any order."""
    if first.resolution is None or second.resolution is None:
        return None
    between = sentence.words[first.end : second.start]
    if not all(word.folded in _JOINING for word in between):
        return None
    one, other = (w.resolution.candidates[0].place for w in (first, second) if w.resolution)
    if one.code == other.code and not between:
        return replace(first, end=second.end)
    for specific, general in ((one, other), (other, one)):
        in_city = specific.kind is Kind.AIRPORT and _contains(lexicon, general, specific)
        # "in New York JFK" is one place, and "New York in JFK" is nothing.
        if in_city and (specific is one or not between):
            return Window(
                first.start, second.end, first.score + second.score, certain(lexicon, specific.code)
            )
    return None


def _contains(lexicon: Lexicon, city: Place, airport: Place) -> bool:
    metro = lexicon.metro_of(airport)
    return lexicon.metro_of(city) == metro and city.code in (metro, *city.airports[:1]) and city != airport


def _with_area(lexicon: Lexicon, sentence: Sentence, window: Window, resolution: Resolution) -> Window:
    """Return the window with the state or country after it, and only the candidates there."""
    after = window.end
    while sentence.at(after) in GENERIC_WORDS:
        after += 1
    for end in range(min(after + LONGEST_AREA, len(sentence.words)), after, -1):
        meant = lexicon.areas.get(sentence.folded(after, end), frozenset())
        if not _is_area(sentence, after, end):
            continue
        if there := _candidates_in(lexicon, sentence.folded(window.start, window.end), resolution, meant):
            sure = there[0].likeness == 1.0 or resolution.confident
            narrowed = Resolution(tuple(there[:3]), 1.0, confident=sure)
            if sentence.at(end) == "city":
                end += 1
            return replace(window, end=end, resolution=narrowed)
    return window


def _is_area(sentence: Sentence, start: int, end: int) -> bool:
    """Return whether words can name a state or country. Codes that are words ("in", "or") need capitals."""
    if end - start > 1 or len(sentence.at(start)) > LONGEST_CODE:
        return sentence.at(start - 1) != "" and not sentence.broken(start, end)
    word = sentence.words[start]
    return word.written.isupper() or word.folded not in sentence.context.common


def _candidates_in(
    lexicon: Lexicon, name: str, resolution: Resolution, areas: frozenset[tuple[str, str]]
) -> list[Candidate]:
    """Return the candidates in one of the areas; first those that the lexicon knows by exactly this name."""
    known = (Candidate(meaning.place, 1.0, 1.0) for meaning in lexicon.exact.get(name, ()))
    ordered = sorted(known, key=lambda candidate: -candidate.place.prior)
    found: dict[str, Candidate] = {}
    for candidate in (*ordered, *resolution.candidates):
        if any(_lies_in(candidate.place, *area) for area in areas):
            found.setdefault(lexicon.metro_of(candidate.place), candidate)
    return list(found.values())


def _lies_in(place: Place, country: str, region: str) -> bool:
    return place.country_code == country and region in ("", place.region)
