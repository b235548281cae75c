"""Routes drawn at random, and what the offline ears make of them when nothing but the voice stands between."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from functools import cache

import numpy as np

from agent.speech.moonshine import Moonshine
from agent.speech.pcm import EAR_RATE, Samples
from agent.speech.synthesis import VOICE_RATE, Voice
from services.flightdata import places
from services.flightdata.sample import tables

GARBLED = ("Lucknow", "Chennai", "Guwahati", "Kochi", "Almaty", "Mangalore", "Udaipur", "Kolkata", "Riyadh", "Doha")
"""Cities whose names the recogniser seldom writes as they are written."""


@dataclass(frozen=True)
class Drawn:
    """A question, and where it is about."""

    text: str
    origin: str
    destination: str
    heard: str


@cache
def _ears() -> Moonshine:
    return Moonshine()


@cache
def _voice() -> Voice:
    return Voice()


def heard(text: str) -> str:
    """What the recogniser makes of a text that the voice speaks."""
    speech = _voice().say(text)
    positions = np.arange(int(len(speech) * EAR_RATE / VOICE_RATE)) * VOICE_RATE / EAR_RATE
    samples: Samples = np.interp(positions, np.arange(len(speech)), speech).astype(np.int16)
    return _ears().decode(samples)


def seeded() -> random.Random:
    """A generator whose seed is printed and can be given again as READBACK_TEST_SEED."""
    seed = int(os.environ.get("READBACK_TEST_SEED") or random.SystemRandom().randrange(2**32))
    print(f"READBACK_TEST_SEED={seed}")
    return random.Random(seed)


def _cities() -> dict[str, str]:
    """Code of each busy city by its name."""
    found = {}
    for code in tables.core_airports()[:60]:
        city = places.airport(code).city
        resolved = places.resolve(city).candidates[0].place
        found[city] = resolved.code
    return found


def _question(origin: str, destination: str) -> str:
    return f"Show me flights from {origin} to {destination} tomorrow."


def draw(choice: random.Random, *, garbled: bool) -> Drawn:
    """A question about two busy cities that is understood when heard through the air alone. With `garbled`, one name is not written as
    it was said; without, both are."""
    cities = _cities()
    names = list(cities)
    for _ in range(200):
        origin, destination = choice.sample(names, 2)
        if garbled:
            destination = choice.choice(GARBLED)
            cities[destination] = places.resolve(destination).candidates[0].place.code
        text = _question(origin, destination)
        transcript = heard(text)
        # What the resolver isn't sure of is asked about and not looked up.
        found = [a.resolution.candidates[0].place.code for a in places.annotate(transcript) if a.resolution.confident]
        plain = origin.lower() in transcript.lower() and destination.lower() in transcript.lower()
        if cities[origin] != cities[destination] and found == [cities[origin], cities[destination]] and plain is not garbled:
            return Drawn(text, cities[origin], cities[destination], transcript)
    raise AssertionError("no such route among 200 draws")
