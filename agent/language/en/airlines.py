"""Airlines: their names as people say them, and which ones a caller wants or rejects."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from importlib import resources

from agent.language.en.negation import negated
from agent.language.spans import Found, without_overlaps


@dataclass(frozen=True, slots=True)
class Carrier:
    """An airline: IATA code, name, and what callers and recognisers make of the name (lower case)."""

    code: str
    name: str
    spoken: tuple[str, ...]


@cache
def carriers() -> Mapping[str, Carrier]:
    """All known carriers by code, from `data/airlines.json`."""
    listed = json.loads(
        resources.files("agent.language.en").joinpath("data/airlines.json").read_text(encoding="utf-8")
    )
    return {
        code: Carrier(code, entry["name"], (entry["name"].lower(), *entry.get("spoken", ())))
        for code, entry in listed.items()
    }


@cache
def _by_spoken_name() -> Mapping[str, str]:
    return {name: carrier.code for carrier in carriers().values() for name in carrier.spoken}


@cache
def carrier_pattern() -> str:
    """Regular expression, without groups, of every spoken name, the longest first ("air india express" before "air india")."""
    return "|".join(re.escape(name) for name in sorted(_by_spoken_name(), key=len, reverse=True))


def carrier_code(spoken: str) -> str:
    """The code for what `carrier_pattern` matched; raises KeyError for anything else."""
    return _by_spoken_name()[spoken]


@cache
def _whole_name() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{carrier_pattern()})\b(?: (?:airlines?|airways))?")


def find_carriers(text: str) -> list[Found[str]]:
    """Airlines named in lower-case `text`, as codes."""
    found = []
    for match in _whole_name().finditer(text):
        name = match.group()
        code = _by_spoken_name().get(name) or _by_spoken_name()[name.rsplit(" ", 1)[0]]
        found.append(Found(match.start(), match.end(), code))
    return without_overlaps(found)


@dataclass(frozen=True, slots=True)
class AirlineWish:
    """Codes of airlines: any of the `wanted` will do, none of the `unwanted`; `any_at_all` takes back what was wanted before."""

    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    any_at_all: bool = False


class _Side(Enum):
    WANTED = auto()
    UNWANTED = auto()
    REPLACED = auto()
    """Unwanted in favour of another: "not this one, that"."""


_NO = re.compile(r"\bno (?:more )?$")
"""Of airlines a bare "no" is enough, without a comma: "no Air India"."""
_REPLACES = re.compile(r"\b(?:not|instead of|rather than)(?: (?:with|on|by|the))* $")
_AND = re.compile(r"[ ,]*(?:or|and|nor|&|/)[ ,]*(?:(?:with|on|by|the|any|also|even|maybe) )*")
_COMMA = re.compile(r"[ ,]*")
_AIRLINE = r"(?:airlines?|carriers?)"
_WHICH = r"(?: (?:about|which|what|the))*"


@cache
def _any_airline() -> re.Pattern[str]:
    return re.compile(
        rf"\b(?:(?:any|all|every|whichever|whatever)(?: other)? {_AIRLINE}\b|(?:other|another|different) {_AIRLINE}\b(?! (?:than|from))|"
        rf"{_AIRLINE} (?:does not|doesn't|don't|do not) matter\b|"
        rf"(?:(?:do not|don't) (?:care|mind)|regardless of|no matter|never mind|forget){_WHICH} {_AIRLINE}\b|"
        rf"no {_AIRLINE} preference\b|no preference (?:of|for|on|in|about) (?:the )?{_AIRLINE}\b|"
        rf"not (?:only|just|necessarily) (?:with |on |by )?(?:{carrier_pattern()})\b)"
    )


def find_airlines(text: str) -> tuple[AirlineWish, Sequence[Found[str]]]:
    """What lower-case `text` says of airlines, and the words that say it."""
    freed = [Found(match.start(), match.end(), "") for match in _any_airline().finditer(text)]
    named = [
        piece
        for piece in find_carriers(text)
        if not any(piece.overlaps(free.start, free.end) for free in freed)
    ]
    sides = _sides(text, named)
    wanted = tuple(code for code, side in sides.items() if side is _Side.WANTED)
    # "Vistara instead of IndiGo" says all with its first word.
    apart = (_Side.UNWANTED,) if wanted else (_Side.UNWANTED, _Side.REPLACED)
    return AirlineWish(wanted, tuple(code for code, side in sides.items() if side in apart), bool(freed)), [
        *freed,
        *named,
    ]


def _sides(text: str, named: Sequence[Found[str]]) -> dict[str, _Side]:
    """On which side each airline stands; of one that was named twice, where it stood last."""
    sides: dict[str, _Side] = {}
    side, end = _Side.WANTED, 0
    for piece in named:
        before, between, end = text[: piece.start], text[end : piece.start], piece.end
        if _NO.search(before) or negated(text, piece.start, piece.end):
            side = _Side.REPLACED if _REPLACES.search(before) else _Side.UNWANTED
        elif not (_AND.fullmatch(between) or (_COMMA.fullmatch(between) and side is not _Side.REPLACED)):
            # "Not IndiGo, Vistara" names what is wanted last; "without IndiGo, Vistara" goes on.
            side = _Side.WANTED
        sides[piece.value] = side
    return sides
