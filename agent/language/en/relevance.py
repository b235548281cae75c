"""Relevance of an utterance: how much of it has nothing to do with flights, and what its manner says.

The words of travel are in `data/travel_talk.json`, the manners in `data/loose_acts.json`.
"""

from __future__ import annotations

from agent.language.en.cues import plain_words
from agent.language.en.data import load, patterns

_TRAVEL_TALK = frozenset(load("travel_talk"))
_LOOSE_ACTS = patterns("loose_acts")


def foreign_words(text: str) -> int:
    """Return the number of words in lower-case `text` that no request for flights needs.

    `text` is an utterance without its recognised pieces and places.
    """
    words = plain_words(text).replace("-", " ").split()
    return sum(word not in _TRAVEL_TALK and not word.isdigit() for word in words)


def loose_act(text: str) -> str | None:
    """Return the act that lower-case `text` as a whole performs: "it was nice to talk to you" is a goodbye.

    `acts_of` finds acts only at the beginning. This is for utterances that name nothing else.
    """
    return next((name for name, pattern in _LOOSE_ACTS.items() if pattern.search(text)), None)
