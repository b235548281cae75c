"""The sentences that the agent says, loaded from `data/phrases.json`."""

from __future__ import annotations

from collections.abc import Mapping

from agent.language.en.data import load

_PHRASES: Mapping[str, str] = load("phrases")


def phrases() -> Mapping[str, str]:
    """Return all sentences by name, with their `{parts}` unfilled."""
    return _PHRASES


def phrase(name: str, /, **parts: str) -> str:
    """Return the sentence called `name`, with its parts filled in and its first letter capitalised.

    Raises:
        KeyError: the sentence or one of its parts is missing.
    """
    words = _PHRASES[name].format(**parts)
    return words[:1].upper() + words[1:]
