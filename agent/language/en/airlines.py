"""Airlines: their spoken names, and the airlines that a caller wants or rejects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum, auto

from agent.language.en.data import load
from agent.language.en.negation import negated
from agent.language.en.repairs import unreplaced
from agent.language.meanings import AirlineWish
from agent.language.spans import Found, found_at, without_overlaps

_KNOWN = load("airlines")
AIRLINES: Mapping[str, str] = {code: entry["name"] for code, entry in _KNOWN.items()}
"""Names of all known airlines by IATA code."""
CODES_BY_NAME: Mapping[str, str] = {
    name: code for code, entry in _KNOWN.items() for name in (entry["name"].lower(), *entry["spoken"])
}
"""IATA codes by spoken name, in lower case, as recognisers write it."""
ANY_NAME = "|".join(re.escape(name) for name in sorted(CODES_BY_NAME, key=len, reverse=True))
"""Pattern of all names, without groups. Longer names come first: "air india express", "air india"."""
_WHOLE_NAME = re.compile(rf"\b(?:{ANY_NAME})\b(?: (?:airlines?|airways))?")
_SHORT_NAMES: Mapping[str, str] = {
    name: code for code, entry in _KNOWN.items() for name in entry.get("short", ())
}
"""IATA codes by names that have other meanings too: "American", "Spirit"."""
_ANY_SHORT = "|".join(re.escape(name) for name in sorted(_SHORT_NAMES, key=len, reverse=True))
_FLIGHT_AFTER = r" (?:flights?|airlines?|airways|air ?lines?|planes?|carriers?|air\b)"
_ENDS_AFTER = r"(?=[ ]*(?:$|[,.?!;]|(?:or|and|please|if|from|to|for|tomorrow|today|tonight|in the|on|at)\b))"
_SHORT_NAME = re.compile(
    rf"\b(?P<named>{_ANY_SHORT}){_FLIGHT_AFTER}|(?:(?<=\bwith )|(?<=\bon )|(?<=\bby )|(?<=\bfly )|"
    rf"(?<=\bflying )|(?<=\bor )|(?<=\bvia )|(?<=\bprefer )|(?<=\bonly ))(?P<alone>{_ANY_SHORT})\b"
    rf"{_ENDS_AFTER}"
)
"""A short name counts only before "flight" or "airlines", or alone after "with", "on" or "fly"."""
_ALLIANCES: Mapping[str, Sequence[str]] = {name: codes.split() for name, codes in load("alliances").items()}
_ALLIANCE = re.compile(r"\b(?:star alliance|one ?world|sky ?team)\b")


def airline(code: str) -> str:
    """Return the name of an airline, "Air India" for AI, or the letters of an unknown code."""
    return AIRLINES.get(code) or " ".join(code)


def find_airline_names(text: str) -> list[Found[str]]:
    """Return the codes of airlines that lower-case `text` names."""
    found = []
    for match in _WHOLE_NAME.finditer(text):
        name = match.group()
        code = CODES_BY_NAME.get(name) or CODES_BY_NAME[name.rsplit(" ", 1)[0]]
        found.append(found_at(match, code))
    found += [
        found_at(match, _SHORT_NAMES[match["named"] or match["alone"]])
        for match in _SHORT_NAME.finditer(text)
    ]
    return without_overlaps(found)


def alliance_of(codes: Sequence[str]) -> str | None:
    """Return the name of the alliance that consists of exactly these airlines, or None."""
    return next((name for name, members in _ALLIANCES.items() if set(members) == set(codes)), None)


def _find_alliances(text: str) -> list[Found[Sequence[str]]]:
    return [
        found_at(match, _ALLIANCES[name])
        for match in _ALLIANCE.finditer(text)
        for name in _ALLIANCES
        if name.replace(" ", "").lower() == match.group().replace(" ", "")
    ]


class _Side(Enum):
    WANTED = auto()
    UNWANTED = auto()
    REPLACED = auto()
    """Replaced by another airline: "not IndiGo, Vistara"."""


_NO = re.compile(r"\bno (?:more )?$")
"""A "no" directly before an airline rejects it: "no Air India", but not "no, Air India"."""
_REPLACES = re.compile(r"\b(?:not|instead of|rather than)(?: (?:with|on|by|the))* $")
_AND = re.compile(r"[ ,]*(?:or|and|nor|&|/)[ ,]*(?:(?:with|on|by|the|any|also|even|maybe) )*")
_COMMA = re.compile(r"[ ,]*")
_AIRLINE = r"(?:airlines?|carriers?)"
_WHICH = r"(?: (?:about|which|what|the))*"
_ANY_AIRLINE = re.compile(
    rf"\b(?:(?:any|all|every|whichever|whatever)(?: other)? {_AIRLINE}\b|"
    rf"(?:other|another|different) {_AIRLINE}\b(?! (?:than|from))|{_AIRLINE} (?:does not|doesn't|don't|"
    r"do not) matter\b|(?:(?:do not|don't) (?:care|mind)|regardless of|no matter|never mind|"
    rf"forget){_WHICH} {_AIRLINE}\b|no {_AIRLINE} preference\b|no preference (?:of|for|on|in|about) "
    rf"(?:the )?{_AIRLINE}\b|not (?:only|just|necessarily) (?:with |on |by )?(?:{ANY_NAME})\b)"
)


def find_airlines(text: str) -> tuple[AirlineWish, Sequence[Found[str]]]:
    """Return the wish about airlines in lower-case `text`, and the words that express it."""
    freed = [found_at(match, "") for match in _ANY_AIRLINE.finditer(text)]
    named = [
        piece
        for piece in find_airline_names(text)
        if not any(piece.overlaps(free.start, free.end) for free in freed)
    ]
    sides = _sides(text, unreplaced(text, named, no_rejects=True))
    alliances = _find_alliances(text)
    wanted = (
        *(code for code, side in sides.items() if side is _Side.WANTED),
        *(code for alliance in alliances for code in alliance.value if code not in sides),
    )
    # In "Vistara instead of IndiGo" only Vistara is wanted, so IndiGo needs no exclusion.
    excluded = (_Side.UNWANTED,) if wanted else (_Side.UNWANTED, _Side.REPLACED)
    unwanted = tuple(code for code, side in sides.items() if side in excluded)
    pieces = [*freed, *named, *(Found(piece.start, piece.end, "") for piece in alliances)]
    return AirlineWish(wanted, unwanted, bool(freed)), pieces


def _sides(text: str, named: Sequence[Found[str]]) -> dict[str, _Side]:
    """Return whether each airline is wanted or not. For an airline named twice, the last mention counts."""
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
