"""Talks as callers have them, from a seed: two sides that take turns, about 82 bytes of text each.

Callers ask what people were written down to ask (the corpus of `bench/understanding.py`), with what they add in passing; within a talk
hardly a phrase comes twice, so that a talk shrinks no better than English does when it is compressed.
"""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from readback.conversation.v1 import entry_pb2

from mesh.settings import CHECKOUT

TURNS = 60
"""Turns of a talk."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said."""

    speaker: entry_pb2.Speaker.ValueType
    text: str


def turns(seed: int) -> Iterator[Turn]:
    """Turns without end, the same ones for the same seed."""
    dice, words = random.Random(seed), _words()
    asked, added, answered = (_dealt(dice, words[pile]) for pile in ("asked", "tails", "answers"))
    while True:
        question = ", ".join(filter(None, (next(asked), next(added), next(added))))
        yield Turn(entry_pb2.SPEAKER_CUSTOMER, _filled(dice, question))
        yield Turn(entry_pb2.SPEAKER_AGENT, _filled(dice, next(answered)))


def _dealt(dice: random.Random, pile: Sequence[str]) -> Iterator[str]:
    """Each of a pile in a random order, then all of them again in another."""
    while True:
        yield from dice.sample(pile, len(pile))


@functools.cache
def _words() -> Mapping[str, Sequence[str]]:
    phrases = Path(__file__).with_name("sample_turns.json")
    words: dict[str, Sequence[str]] = json.loads(phrases.read_text("utf-8"))
    corpus = (CHECKOUT / "bench" / "understanding" / f"{name}.jsonl" for name in ("tuning", "held_out"))
    asked = [json.loads(line)["text"] for path in corpus for line in path.read_text("utf-8").splitlines()]
    return words | {"asked": [text for text in asked if "{" not in text]}


def _filled(dice: random.Random, phrase: str) -> str:
    words = _words()
    a, b, city = dice.sample(words["cities"], 3)
    return phrase.format(
        a=a,
        b=b,
        city=city,
        day=dice.choice(words["days"]),
        time=dice.choice(words["times"]),
        carrier=dice.choice(words["carriers"]),
        number=dice.randrange(100, 6000),
        count=dice.randrange(2, 40),
        hours=dice.randrange(2, 15),
        price=dice.randrange(300, 9000) * 10,
    )
