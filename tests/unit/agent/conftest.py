"""The speech engines, loaded once."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from livekit.local_inference import VAD

from agent.language.meanings import Completeness
from agent.speech.audio import STT_RATE, Samples, resampled
from agent.speech.endpointing import CompletenessOf, DecodeRequest, Endpointer, EndpointingEvent
from agent.speech.hibari_engine import TTS_RATE, HibariEngine
from agent.speech.moonshine_engine import MoonshineEngine


@pytest.fixture(scope="session")
def voice() -> Iterator[HibariEngine]:
    """The real voice."""
    made = HibariEngine()
    yield made
    made.close()


@pytest.fixture(scope="session")
def moonshine() -> Iterator[MoonshineEngine]:
    """The real recogniser."""
    made = MoonshineEngine()
    yield made
    made.close()


@pytest.fixture(scope="session")
def spoken(voice: HibariEngine) -> Callable[[str], Samples]:
    """Speech of a text at 16 kHz, with no silence before it."""
    return lambda text: resampled(voice.say(text), TTS_RATE, STT_RATE)


@pytest.fixture(scope="session")
def listen(moonshine: MoonshineEngine) -> Callable[..., list[tuple[int, EndpointingEvent]]]:
    """Feed audio to the real endpointer like a microphone; return (clock in ms, event).

    Each decode takes 120 ms of that clock.
    """

    def listening(
        audio: Samples, *, completeness_of: CompletenessOf = lambda _: Completeness.UNKNOWN
    ) -> list[tuple[int, EndpointingEvent]]:
        endpointer = Endpointer(VAD().predict, completeness_of)
        events: list[tuple[int, EndpointingEvent]] = []
        decodes: list[tuple[int, DecodeRequest]] = []
        noise = np.random.default_rng(0).normal(0, 3, len(audio))
        microphone = np.clip(audio + noise, -32768, 32767).astype(np.int16)
        for at in range(0, len(microphone), 320):
            new = endpointer.push_audio(microphone[at : at + 320])
            while decodes and decodes[0][0] <= endpointer.clock_ms:
                request = decodes.pop(0)[1]
                new += endpointer.push_text(request, moonshine.decode(request.samples).text)
            decodes += [
                (endpointer.clock_ms + 120, event) for event in new if isinstance(event, DecodeRequest)
            ]
            events += [(endpointer.clock_ms, event) for event in new if not isinstance(event, DecodeRequest)]
        return events

    return listening
