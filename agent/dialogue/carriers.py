"""Airlines as people say them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from agent.dialogue.spans import Found, without_overlaps


@dataclass(frozen=True, slots=True)
class Carrier:
    """An airline: IATA code, name, and what callers and recognisers make of the name (lower case)."""

    code: str
    name: str
    spoken: tuple[str, ...]


@cache
def carriers() -> Mapping[str, Carrier]:
    """All known carriers by code, from `data/carriers.json`."""
    listed = json.loads(
        resources.files("agent.dialogue").joinpath("data/carriers.json").read_text(encoding="utf-8")
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
