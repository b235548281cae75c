"""A real LiveKit server and the speech engines."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from agent.call.livekit_session import SpeechEngines
from agent.speech.audio import STT_RATE, Samples, resampled
from agent.speech.hibari_engine import TTS_RATE
from tests.integration.agent.livekit_rooms import LiveKit
from tests.integration.agent.placed_calls import Place, placing
from tests.livekit_server import livekit_server


@pytest.fixture(scope="session")
def livekit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveKit]:
    """A LiveKit server on free ports, ended with the tests."""
    with livekit_server(tmp_path_factory.mktemp("livekit")) as (url, keys):
        yield LiveKit(url, keys.key, keys.secret)


@pytest.fixture(scope="session")
def engines() -> Iterator[SpeechEngines]:
    """The real recogniser and voice."""
    with closing(SpeechEngines.load()) as loaded:
        yield loaded


@pytest.fixture(scope="session")
def spoken(engines: SpeechEngines) -> Callable[[str], Samples]:
    """Speech of a text at 16 kHz."""
    return lambda text: resampled(engines.hibari.say(text), TTS_RATE, STT_RATE)


@pytest.fixture
def place(livekit: LiveKit, engines: SpeechEngines) -> Place:
    """Place a call: the caller joins, the agent greets."""
    return placing(livekit, engines)
