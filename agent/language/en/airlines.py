"""Airlines: their names as people say them, and which ones a caller wants or rejects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache

from agent.language.en.data import load
from agent.language.en.negation import negated
from agent.language.meanings import AirlineWish
from agent.language.spans import Found, found_at, without_overlaps


@dataclass(frozen=True, slots=True)
class Airline:
    """An airline: IATA code, name, and its names in lower case as callers say and recognisers write them."""

    code: str
    name: str
    spoken: tuple[str, ...]


@cache
def airlines() -> Mapping[str, Airline]:
    """Return all known airlines by code, from `data/airlines.json`."""
    return {
        code: Airline(code, entry["name"], (entry["name"].lower(), *entry["spoken"]))
        for code, entry in load("airlines").items()
    }


def airline(code: str) -> str:
    """Return "Air India" for AI; the letters of a code without a known name."""
    known = airlines().get(code)
    return known.name if known else " ".join(code)


@cache
def _codes_by_name() -> Mapping[str, str]:
    return {name: known.code for known in airlines().values() for name in known.spoken}


@cache
def airline_pattern() -> str:
    """Return a pattern of all names, without groups, the longest first: "air india express", "air india"."""
    return "|".join(re.escape(name) for name in sorted(_codes_by_name(), key=len, reverse=True))


def airline_code(spoken: str) -> str:
    """Return the code for a match of `airline_pattern`. Raises KeyError for other words."""
    return _codes_by_name()[spoken]


@cache
def _whole_name() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{airline_pattern()})\b(?: (?:airlines?|airways))?")


def find_airline_names(text: str) -> list[Found[str]]:
    """Find airlines named in lower-case `text`, as codes."""
    found = []
    for match in _whole_name().finditer(text):
        name = match.group()
        code = _codes_by_name().get(name) or _codes_by_name()[name.rsplit(" ", 1)[0]]
        found.append(found_at(match, code))
    return without_overlaps(found)


class _Side(Enum):
    WANTED = auto()
    UNWANTED = auto()
    REPLACED = auto()
    """Rejected in favour of another: "not this one, that"."""


_NO = re.compile(r"\bno (?:more )?$")
"""Before an airline a bare "no" rejects, without a comma: "no Air India"."""
_REPLACES = re.compile(r"\b(?:not|instead of|rather than)(?: (?:with|on|by|the))* $")
_AND = re.compile(r"[ ,]*(?:or|and|nor|&|/)[ ,]*(?:(?:with|on|by|the|any|also|even|maybe) )*")
_COMMA = re.compile(r"[ ,]*")
_AIRLINE = r"(?:airlines?|carriers?)"
_WHICH = r"(?: (?:about|which|what|the))*"


@cache
def _any_airline() -> re.Pattern[str]:
    return re.compile(
        rf"\b(?:(?:any|all|every|whichever|whatever)(?: other)? {_AIRLINE}\b|"
        rf"(?:other|another|different) {_AIRLINE}\b(?! (?:than|from))|{_AIRLINE} (?:does not|doesn't|don't|"
        r"do not) matter\b|(?:(?:do not|don't) (?:care|mind)|regardless of|no matter|never mind|"
        rf"forget){_WHICH} {_AIRLINE}\b|no {_AIRLINE} preference\b|no preference (?:of|for|on|in|about) "
        rf"(?:the )?{_AIRLINE}\b|not (?:only|just|necessarily) (?:with |on |by )?(?:{airline_pattern()})\b)"
    )


def find_airlines(text: str) -> tuple[AirlineWish, Sequence[Found[str]]]:
    """Find the wish for airlines in lower-case `text`, and the words that express it."""
    freed = [found_at(match, "") for match in _any_airline().finditer(text)]
    named = [
        piece
        for piece in find_airline_names(text)
        if not any(piece.overlaps(free.start, free.end) for free in freed)
    ]
    sides = _sides(text, named)
    wanted = tuple(code for code, side in sides.items() if side is _Side.WANTED)
    # In "Vistara instead of IndiGo" the wanted airline says it all; nothing more is excluded.
    excluded = (_Side.UNWANTED,) if wanted else (_Side.UNWANTED, _Side.REPLACED)
    unwanted = tuple(code for code, side in sides.items() if side in excluded)
    return AirlineWish(wanted, unwanted, bool(freed)), [*freed, *named]


def _sides(text: str, named: Sequence[Found[str]]) -> dict[str, _Side]:
    """Return each airline's side; for one named twice, the side of its last mention."""
    sides: dict[str, _Side] = {}
    side, end = _Side.WANTED, 0
    for piece in named:
        before, between, end = text[: piece.start], text[end : piece.start], piece.end
        if _NO.search(before) or negated(text, piece.start, piece.end):
            side = _Side.REPLACED if _REPLACES.search(before) else _Side.UNWANTED
        elif not (_AND.fullmatch(between) or (_COMMA.fullmatch(between) and side is not _Side.REPLACED)):
            # "Not IndiGo, Vistara" names the wanted airline last; "without IndiGo, Vistara" continues a list.
            side = _Side.WANTED
        sides[piece.value] = side
    return sides
