"""A real LiveKit server and the speech engines."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

import pytest
from livekit import api

from agent.call.livekit_session import SpeechEngines
from agent.speech.audio import STT_RATE, Samples, resampled
from agent.speech.hibari_engine import TTS_RATE
from tests.livekit_server import livekit_server


@dataclass(frozen=True)
class LiveKit:
    """A running LiveKit server."""

    url: str
    key: str
    secret: str

    def token(
        self, identity: str, room: str, *, agent: bool = False, dispatch: api.RoomAgentDispatch | None = None
    ) -> str:
        """A token to join a room, as an agent or as a caller."""
        token = api.AccessToken(self.key, self.secret).with_identity(identity).with_ttl(timedelta(minutes=5))
        token = token.with_kind("agent" if agent else "standard")
        token = token.with_grants(
            api.VideoGrants(room_join=True, room=room, can_update_own_metadata=True, agent=agent)
        )
        if dispatch is not None:
            token = token.with_room_config(api.RoomConfiguration(agents=[dispatch]))
        return token.to_jwt()


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
