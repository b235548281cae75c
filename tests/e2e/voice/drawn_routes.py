"""Routes drawn at random, and their transcripts by the offline recogniser from the offline voice."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from functools import cache

import numpy as np

from agent.language.hearing import Expected
from agent.speech.audio import STT_RATE, Samples, resampled
from agent.speech.hibari_engine import TTS_RATE, HibariEngine
from agent.speech.moonshine_engine import MoonshineEngine
from services.flightdata import places
from services.flightdata.sample import tables

GARBLED = (
    "Lucknow",
    "Chennai",
    "Guwahati",
    "Kochi",
    "Almaty",
    "Mangalore",
    "Udaipur",
    "Kolkata",
    "Riyadh",
    "Doha",
)
"""Cities whose names the recogniser usually misspells."""
CALLS = 8
"""Number of degraded versions that each question is recognised in."""
PACKET, LOST_PACKETS = STT_RATE // 50, 2
"""Samples of a WebRTC packet (20 ms), and the number of lost packets."""


@dataclass(frozen=True)
class Drawn:
    """A question and its route."""

    text: str
    origin: str
    destination: str
    heard: str


@cache
def _recogniser() -> MoonshineEngine:
    return MoonshineEngine()


@cache
def _voice() -> HibariEngine:
    return HibariEngine()


def _spoken(text: str) -> Samples:
    return resampled(_voice().say(text), TTS_RATE, STT_RATE)


def _carried(speech: Samples, choice: random.Random) -> Samples:
    """Return speech as a call may deliver it: later, softer, with two packets lost."""
    before, after = (np.zeros(choice.randrange(STT_RATE // 10, STT_RATE // 2), np.int16) for _ in range(2))
    carried = np.concatenate([before, (speech * choice.uniform(0.5, 1)).astype(np.int16), after])
    for _ in range(LOST_PACKETS):
        start = choice.randrange(len(carried) - PACKET)
        carried[start : start + PACKET] = 0
    return carried


def hearings(text: str, choice: random.Random) -> list[str]:
    """Return the transcripts of a spoken text: of the original speech, then of degraded versions."""
    speech = _spoken(text)
    return [
        _recogniser().decode(samples, Expected()).text
        for samples in (speech, *(_carried(speech, choice) for _ in range(CALLS)))
    ]


def seeded() -> random.Random:
    """Return a generator. Its seed is printed and can be set with READBACK_TEST_SEED."""
    seed = int(os.environ.get("READBACK_TEST_SEED") or random.SystemRandom().randrange(2**32))
    print(f"READBACK_TEST_SEED={seed}")
    return random.Random(seed)


def _cities() -> dict[str, str]:
    """Return the code of each busy city by its name."""
    found = {}
    for code in tables.core_airports()[:60]:
        city = places.airport(code).city
        resolved = places.resolve(city).candidates[0].place
        found[city] = resolved.code
    return found


def _question(origin: str, destination: str) -> str:
    return f"Show me flights from {origin} to {destination} tomorrow."


def draw(choice: random.Random, *, garbled: bool) -> Drawn:
    """Return a question about two busy cities that is understood in all its transcripts.

    The share of such questions is measured by `bench/places/`. With `garbled`, the destination is misspelled
    in all transcripts; otherwise both names are spelled correctly.
    """
    cities = _cities()
    names = list(cities)
    for _ in range(200):
        origin, destination = choice.sample(names, 2)
        if garbled:
            destination = choice.choice(GARBLED)
            cities[destination] = places.resolve(destination).candidates[0].place.code
        text, route = _question(origin, destination), [cities[origin], cities[destination]]
        if cities[origin] == cities[destination]:
            continue
        heard = hearings(text, choice)
        written = [
            [name.lower() in transcript.lower() for name in (origin, destination)] for transcript in heard
        ]
        if all(found == [True, not garbled] for found in written) and all(
            _route(transcript) == route for transcript in heard
        ):
            return Drawn(text, route[0], route[1], heard[0])
    raise AssertionError("no such route among 200 draws")


def _route(transcript: str) -> list[str]:
    # Places without a confident resolution are asked about instead of looked up.
    return [
        found.resolution.candidates[0].place.code
        for found in places.annotate(transcript)
        if found.resolution.confident
    ]
