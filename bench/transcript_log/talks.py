"""Talks as callers have them, from a seed: two sides that take turns, about 82 bytes of text each."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from readback.conversation.v1 import entry_pb2

TURNS = 60
"""Turns of a talk."""

CITIES = (
    "Chennai",
    "Delhi",
    "Mumbai",
    "Singapore",
    "London",
    "Frankfurt",
    "São Paulo",
    "New York",
    "Tokyo",
    "Reykjavík",
    "Thiruvananthapuram",
    "Dubai",
    "Zürich",
)
CARRIERS = ("IndiGo", "Air India", "Vistara", "Lufthansa", "Emirates", "Singapore Airlines", "British Airways", "Akasa Air")
TIMES = ("five past six", "half past seven", "eight forty", "ten twenty", "noon", "a quarter to three", "nineteen fifty", "midnight")
DAYS = ("tomorrow", "on Friday", "next Tuesday", "on the twelfth", "this weekend", "on Monday morning")

ASKED = (
    "Show me flights from {a} to {b} {day}, in the morning if there are any.",
    "Okay, and what would it cost if I left {day} instead and came back a week after that?",
    "The second one, please. The one with {carrier} that leaves at {time}.",
    "Is there anything later, say after {time}? I have a meeting in {a} that I really can't move.",
    "Hmm, no. I said {b}, not {a}, and it should be {day}.",
    "Does the {carrier} one have a stop, and how long would I be waiting there?",
    "What's the status of {carrier} flight {number}? My sister is on it from {a}.",
    "Yes, that's right.",
    "We are two adults and a child, and we'd like to sit together if that's at all possible.",
    "How much luggage can I take, and what would another bag cost me?",
)
ANSWERED = (
    "There are {count} flights from {a} to {b} {day}. The first leaves at {time} with {carrier}, without a stop.",
    "{carrier} {number} leaves {a} at {time} and arrives in {b} {hours} hours later. Shall I look at the return?",
    "That one costs {price} rupees for each of you, one bag included. Shall I hold it?",
    "I heard {b}, leaving {a} {day}. Is that right?",
    "The cheapest is {carrier} at {price} rupees, leaving at {time}; the quickest takes {hours} hours and costs a little more.",
    "It is on time, from gate {count}, and boards in {hours} minutes.",
    "I'm sorry, I don't see a flight from {a} to {b} after {time} {day}. The day after there are {count}.",
    "Sure. One moment, I'm looking at what {carrier} has {day}.",
)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said."""

    speaker: entry_pb2.Speaker.ValueType
    text: str


def turns(seed: int) -> Iterator[Turn]:
    """Turns without end, the same ones for the same seed."""
    dice = random.Random(seed)
    while True:
        yield Turn(entry_pb2.SPEAKER_CUSTOMER, _filled(dice, ASKED))
        yield Turn(entry_pb2.SPEAKER_AGENT, _filled(dice, ANSWERED))


def _filled(dice: random.Random, phrases: tuple[str, ...]) -> str:
    a, b = dice.sample(CITIES, 2)
    return dice.choice(phrases).format(
        a=a,
        b=b,
        day=dice.choice(DAYS),
        time=dice.choice(TIMES),
        carrier=dice.choice(CARRIERS),
        number=dice.randrange(100, 6000),
        count=dice.randrange(2, 40),
        hours=dice.randrange(2, 15),
        price=dice.randrange(30, 900) * 100,
    )
