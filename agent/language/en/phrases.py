"""Sentences the agent says, from `data/phrases.json`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from agent.language.en.data import load


@cache
def phrases() -> Mapping[str, str]:
    """Return all sentences by name, with their `{parts}` unfilled."""
    loaded: Mapping[str, str] = load("phrases")
    return loaded


def phrase(name: str, /, **parts: str) -> str:
    """Return the sentence called `name` with its parts filled in and a capital first.

    Raises:
        KeyError: the sentence or one of its parts is missing.
    """
    words = phrases()[name].format(**parts)
    return words[:1].upper() + words[1:]
