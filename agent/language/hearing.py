"""Facts that the dialogue and the recogniser tell each other: the expected answer, and the heard names."""

from __future__ import annotations

from dataclasses import dataclass

from agent.language.meanings import Expectation

SURE_MARGIN = 2.0
"""Margin from which a heard place needs no question. Set on synthetic voices, some of them the bench's."""
WORD_CONFIDENCES = "word_confidences"
"""Key of `Transcript.confidences` in the metadata of livekit-agents' speech data."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The answer that the dialogue expects.

    `country` is the caller's (ISO 3166-1 alpha-2). `mentioned` has IATA codes of places that the dialogue has
    mentioned. If `only_mentioned` is set, the agent has asked which of these places the caller means.
    """

    awaiting: Expectation = Expectation.NONE
    country: str = ""
    mentioned: frozenset[str] = frozenset()
    only_mentioned: bool = False


@dataclass(frozen=True, slots=True)
class HeardPlace:
    """The name of a place in a transcript.

    `margin` is the log probability by which the transcript is ahead of the best one without this place, bonus
    included. `alternatives` are the names of other places that were heard instead, likeliest first.
    """

    name: str
    margin: float
    alternatives: tuple[str, ...] = ()

    @property
    def sure(self) -> bool:
        """True if the place needs no question to the caller."""
        return self.margin >= SURE_MARGIN


@dataclass(frozen=True, slots=True)
class Transcript:
    """The text of an utterance.

    `confidences` has a probability for each word of `text.split()`, or is empty if they are unknown.
    """

    text: str = ""
    confidences: tuple[float, ...] = ()
    places: tuple[HeardPlace, ...] = ()
