"""Names that the recogniser leans towards, with what the model thinks of them without any audio.

`tools/build_names.py` writes the table `data/names.tsv`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files

from agent.language.hearing import Expected
from agent.language.meanings import Expectation

WORLD_CITIES = 1000
"""Number of the most visited cities whose names are known to every caller. More let in false names."""


class Kind(StrEnum):
    """The kind of a name."""

    PLACE = "place"
    SPELLED = "spelled"
    """Code of an airport by letters: "M A A"."""
    AIRLINE = "airline"
    FLIGHT_CODE = "flight_code"
    """Code of an airline before the digits of a flight number: "A I"."""
    YES_NO = "yes_no"


@dataclass(frozen=True, slots=True)
class Name:
    """A name as the model writes it.

    `code` is the IATA code of its city or airline. `popularity` is 0 to 1. `log_probabilities` has one value
    for each token: what the decoder gives it without any speech, after the words before it.
    """

    kind: Kind
    text: str
    code: str
    country: str
    popularity: float
    tokens: tuple[int, ...]
    log_probabilities: tuple[float, ...]


def names_for(expected: Expected) -> Iterator[Name]:
    """Yield the names that an expected answer may contain."""
    for name in all_names():
        mentioned = name.code in expected.mentioned
        match name.kind:
            case Kind.PLACE | Kind.SPELLED if expected.only_mentioned:
                wanted = mentioned
            case Kind.PLACE | Kind.SPELLED:
                wanted = mentioned or name.country == expected.country or name.code in _world_cities()
            case Kind.YES_NO:
                wanted = expected.awaiting is Expectation.YES_NO
            case _:
                wanted = not expected.only_mentioned
        if wanted:
            yield name


@cache
def all_names() -> tuple[Name, ...]:
    """Return the names of the table, loaded on the first call."""
    table = files("agent.speech") / "data" / "names.tsv"
    return tuple(_name(*line.split("\t")) for line in table.read_text(encoding="utf-8").splitlines()[1:])


def _name(kind: str, text: str, code: str, country: str, popularity: str, tokens: str, log_ps: str) -> Name:
    return Name(
        Kind(kind),
        text,
        code,
        country,
        float(popularity),
        tuple(map(int, tokens.split())),
        tuple(map(float, log_ps.split())),
    )


@cache
def _world_cities() -> frozenset[str]:
    popularity: dict[str, float] = {}
    for name in all_names():
        if name.kind is Kind.PLACE:
            popularity[name.code] = max(name.popularity, popularity.get(name.code, 0))
    return frozenset(sorted(popularity, key=lambda code: -popularity[code])[:WORLD_CITIES])
