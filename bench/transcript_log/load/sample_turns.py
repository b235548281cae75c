"""Sample conversations from a seed: customer and agent take turns, about 82 bytes of text each.

Customers ask questions from the understanding corpus (`bench/understanding/`), with additions. Phrases are
rarely repeated within a conversation, so that it compresses no better than ordinary English.
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
"""Turns of a conversation."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn: a speaker and a text."""

    speaker: entry_pb2.Speaker.ValueType
    text: str


def sample_turns(seed: int) -> Iterator[Turn]:
    """Yield turns without end. The same seed gives the same turns."""
    dice, phrases = random.Random(seed), _phrases()
    questions, additions, answers = (_shuffled(dice, phrases[kind]) for kind in ("asked", "tails", "answers"))
    while True:
        question = ", ".join(filter(None, (next(questions), next(additions), next(additions))))
        yield Turn(entry_pb2.SPEAKER_CUSTOMER, _fill(dice, question))
        yield Turn(entry_pb2.SPEAKER_AGENT, _fill(dice, next(answers)))


def _shuffled(dice: random.Random, items: Sequence[str]) -> Iterator[str]:
    """Yield all items in random order, then all items again in another order, without end."""
    while True:
        yield from dice.sample(items, len(items))


@functools.cache
def _phrases() -> Mapping[str, Sequence[str]]:
    file = Path(__file__).with_name("sample_turns.json")
    phrases: dict[str, Sequence[str]] = json.loads(file.read_text("utf-8"))
    corpus = (CHECKOUT / "bench/understanding" / f"{name}.jsonl" for name in ("tuning", "held_out"))
    questions = [json.loads(line)["text"] for path in corpus for line in path.read_text("utf-8").splitlines()]
    return phrases | {"asked": [text for text in questions if "{" not in text]}


def _fill(dice: random.Random, phrase: str) -> str:
    phrases = _phrases()
    a, b, city = dice.sample(phrases["cities"], 3)
    return phrase.format(
        a=a,
        b=b,
        city=city,
        day=dice.choice(phrases["days"]),
        time=dice.choice(phrases["times"]),
        carrier=dice.choice(phrases["carriers"]),
        number=dice.randrange(100, 6000),
        count=dice.randrange(2, 40),
        hours=dice.randrange(2, 15),
        price=dice.randrange(300, 9000) * 10,
    )
