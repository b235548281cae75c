"""Our own greedy decoding nearly always gives the words of the library, whose networks it runs."""

from __future__ import annotations

import re

import numpy as np
import pytest

from agent.speech.audio import STT_RATE, Samples, resampled
from agent.speech.hibari_engine import TTS_RATE, HibariEngine
from agent.speech.moonshine_engine import MODEL
from agent.speech.moonshine_library import LibraryDecoder
from agent.speech.own_decoder import OwnDecoder

pytestmark = pytest.mark.integration

SENTENCES = (
    "Flights from Chennai to Delhi tomorrow morning.",
    "Yes, please.",
    "I want to fly from Boston to Denver on Friday with two people.",
    "What is the status of flight A I five four two?",
    "Do you have anything cheaper in the afternoon?",
    "The second one.",
)


TAKES = 3
"""Versions of each sentence; the voice speaks it a little differently every time."""
LEAST_EQUAL = 0.75
"""Least share of clips with equal words. A few milliseconds of audio change a garbled word."""


def _ended(speech: Samples) -> Samples:
    """Cut speech 60 ms after its last loud sample, as endpointing does. In silence the model adds words."""
    return speech[: int(np.flatnonzero(np.abs(speech) > 300)[-1]) + STT_RATE * 60 // 1000]


def _words(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def test_greedy_decoding_nearly_always_gives_the_words_of_the_library() -> None:
    voice, own, library = HibariEngine(), OwnDecoder(MODEL), LibraryDecoder(MODEL)
    try:
        clips = [_ended(resampled(voice.say(text), TTS_RATE, STT_RATE)) for text in SENTENCES * TAKES]
        texts = [(_words(own.decode(clip).text), _words(library.decode(clip).text)) for clip in clips]
    finally:
        library.close()
        voice.close()
    different = [pair for pair in texts if pair[0] != pair[1]]
    assert len(different) <= (1 - LEAST_EQUAL) * len(texts), different
