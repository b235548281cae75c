"""Confidence of a frame: the share of utterances with the same evidence whose frame is right.

The evidence is a number from 0 to 1 made of the scores of places and of words about flights.
`python -m bench.calibration` compares the confidence with the share that is right.
"""

from __future__ import annotations

from itertools import pairwise

from agent.dialogue.frames import Intent, Slots
from agent.dialogue.intents import Clues
from agent.language.meanings import Expectation

_BEST = 0.95
_DOUBTFUL_PLACE = 0.7
_UNPROMPTED = 0.6
_NOT_UNDERSTOOD = 0.55
CALIBRATION = ((0.0, 0.0), (0.2, 0.65), (0.5, 0.75), (0.55, 0.95), (0.66, 0.97), (_BEST, 0.99))
"""Evidence and share of right frames, with linear steps between them. Fitted to corpora of real requests."""


def confidence(intent: Intent, slots: Slots, clues: Clues) -> float:
    """Return the confidence of a frame, 0 to 1. Silence has the confidence 0."""
    return _calibrated(_evidence(intent, slots, clues))


def _evidence(intent: Intent, slots: Slots, clues: Clues) -> float:
    if intent is Intent.UNKNOWN:
        return _NOT_UNDERSTOOD if clues.text.strip() else 0.0
    evidence = _BEST
    for slot in (slots.origin, slots.destination, slots.airport):
        if slot:
            evidence = min(evidence, slot.score) * (1 if slot.confident else _DOUBTFUL_PLACE)
    unprompted = clues.context.awaiting is Expectation.NONE and not clues.speaks_of_flights
    alone = intent is Intent.SEARCH_FLIGHTS and unprompted and clues.places < 2
    return evidence * (_UNPROMPTED if alone else 1)


def _calibrated(evidence: float) -> float:
    for (low, share), (high, higher_share) in pairwise(CALIBRATION):
        if evidence <= high:
            return share + (higher_share - share) * (evidence - low) / (high - low)
    return CALIBRATION[-1][1]
