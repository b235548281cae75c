"""The words of the dialogue, from `data/phrases.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources


@cache
def phrases() -> Mapping[str, str]:
    """All phrases by name."""
    text = resources.files("agent.language.en").joinpath("data/phrases.json").read_text(encoding="utf-8")
    listed: Mapping[str, str] = json.loads(text)
    return listed


def phrase(name: str, /, **parts: str) -> str:
    """The phrase called `name` with its parts filled in, beginning with a capital; raises KeyError when a part is missing."""
    words = phrases()[name].format(**parts)
    return words[:1].upper() + words[1:]
