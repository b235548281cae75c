"""The voice: nobody waits through silence, and nothing it is given makes it fail."""

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
def test_speech_begins_at_once(voice: HibariEngine, text: str) -> None:
    assert _first_audible_ms(voice.say(text)) < 15


def test_a_sentence_rests_longer_than_a_comma(voice: HibariEngine) -> None:
    def rest(text: str) -> int:
        samples = voice.say(text)
        return len(samples) - int(np.flatnonzero(np.abs(samples) > 400)[-1])

    assert rest("I found six flights.") > rest("I found six flights,") + TTS_RATE // 20


@pytest.mark.parametrize("text", ["", "…", "—", "🙂", "!?"])
def test_what_cannot_be_pronounced_is_a_moment_of_silence(voice: HibariEngine, text: str) -> None:
    samples = voice.say(text)
    assert 0 < len(samples) <= TTS_RATE // 10
    assert not samples.any()


async def test_a_learned_phrase_is_not_made_again(voice: HibariEngine) -> None:
    voice.learn(["One moment,"])
    assert await voice.speak("One moment,") is voice.say("One moment,")


def test_the_same_words_sound_the_same(voice: HibariEngine) -> None:
    long = "This sentence is longer than what is remembered, so that it has to be made twice, which nobody should be able to hear."
    assert np.array_equal(voice.say(long), voice.say(long))


def test_memory_of_phrases_is_bounded(voice: HibariEngine) -> None:
    for number in range(140):
        voice.say(f"{number},")
    assert len(voice._remembered) <= 128
