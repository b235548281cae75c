"""Our own greedy decoding gives the text of the library, whose network it runs."""

from __future__ import annotations

import pytest

from agent.speech.audio import STT_RATE, resampled
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


def test_greedy_text_equals_the_text_of_the_library() -> None:
    voice, own, library = HibariEngine(), OwnDecoder(MODEL), LibraryDecoder(MODEL)
    try:
        for sentence in SENTENCES:
            speech = resampled(voice.say(sentence), TTS_RATE, STT_RATE)
            assert own.decode(speech).text == library.decode(speech).text
    finally:
        library.close()
        voice.close()
