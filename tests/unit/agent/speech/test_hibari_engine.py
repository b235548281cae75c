"""The voice: no leading silence, and no text makes it fail."""

import numpy as np
import pytest

from agent.speech.audio import Samples
from agent.speech.hibari_engine import TTS_RATE, HibariEngine

pytestmark = pytest.mark.unit


def _first_audible_ms(samples: Samples) -> float:
    return float(np.flatnonzero(np.abs(samples) > 400)[0]) / TTS_RATE * 1000


@pytest.mark.parametrize(
    "text", ["Okay,", "There are six flights from Chennai to Delhi.", "Where would you like to fly?"]
)
def test_speech_starts_without_silence(voice: HibariEngine, text: str) -> None:
    assert _first_audible_ms(voice.say(text)) < 15


def test_the_pause_after_a_sentence_is_longer_than_after_a_comma(voice: HibariEngine) -> None:
    def rest(text: str) -> int:
        samples = voice.say(text)
        return len(samples) - int(np.flatnonzero(np.abs(samples) > 400)[-1])

    assert rest("I found six flights.") > rest("I found six flights,") + TTS_RATE // 20


@pytest.mark.parametrize("text", ["", "…", "—", "🙂", "!?"])
def test_text_without_words_is_brief_silence(voice: HibariEngine, text: str) -> None:
    samples = voice.say(text)
    assert 0 < len(samples) <= TTS_RATE // 10
    assert not samples.any()


async def test_a_short_phrase_is_synthesised_once(voice: HibariEngine) -> None:
    assert await voice.speak("One moment,") is voice.say("One moment,")


def test_the_same_words_sound_the_same(voice: HibariEngine) -> None:
    long = "This sentence is longer than the cache allows, so it is made twice, and both must sound the same."
    assert np.array_equal(voice.say(long), voice.say(long))


def test_the_cache_is_bounded(voice: HibariEngine) -> None:
    for number in range(140):
        voice.say(f"{number},")
    assert len(voice._cache) <= 128
