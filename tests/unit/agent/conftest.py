"""The engines of the ears and the voice, loaded once."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from livekit.local_inference import VAD

from agent.speech.audio import EAR_RATE, Samples
from agent.speech.endpointing import Endpointer, JudgeCompleteness
from agent.speech.heard import Decode, Heard
from agent.speech.hibari_engine import VOICE_RATE, Voice
from agent.speech.moonshine_engine import Moonshine
from agent.speech.resampling import resampled


@pytest.fixture(scope="session")
def voice() -> Iterator[Voice]:
    """The real voice."""
    made = Voice()
    yield made
    made.close()


@pytest.fixture(scope="session")
def moonshine() -> Iterator[Moonshine]:
    """The real recogniser."""
    made = Moonshine()
    yield made
    made.close()


@pytest.fixture(scope="session")
def spoken(voice: Voice) -> Callable[[str], Samples]:
    """Speech of a text at 16 kHz, with no silence before it."""
    return lambda text: resampled(voice.say(text), VOICE_RATE, EAR_RATE)


@pytest.fixture(scope="session")
def listen(moonshine: Moonshine) -> Callable[..., list[tuple[int, Heard]]]:
    """Feeds audio to real ears as a microphone would and gives (clock in ms, event). Each decode takes 120 ms of that clock."""

    def listening(
        audio: Samples, *, judge: JudgeCompleteness = lambda _: "unknown"
    ) -> list[tuple[int, Heard]]:
        endpointer = Endpointer(VAD().predict, judge)
        events: list[tuple[int, Heard]] = []
        decodes: list[tuple[int, Decode]] = []
        noise = np.random.default_rng(0).normal(0, 3, len(audio))
        microphone = np.clip(audio + noise, -32768, 32767).astype(np.int16)
        for at in range(0, len(microphone), 320):
            heard = endpointer.hear(microphone[at : at + 320])
            while decodes and decodes[0][0] <= endpointer.clock_ms:
                request = decodes.pop(0)[1]
                heard += endpointer.decoded(request, moonshine.decode(request.samples))
            decodes += [(endpointer.clock_ms + 120, event) for event in heard if isinstance(event, Decode)]
            events += [(endpointer.clock_ms, event) for event in heard if not isinstance(event, Decode)]
        return events

    return listening
