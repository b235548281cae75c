"""A real LiveKit server, and the engines of ears and voice."""

import asyncio
import json
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from livekit import api
from rich.console import Console

from agent.engines import Engines
from agent.speech.pcm import EAR_RATE, Samples
from agent.speech.resampling import resampled
from agent.speech.synthesis import VOICE_RATE
from cli.livekit.server import provide
from mesh.settings import CHECKOUT
from tests.product import free_ports


@dataclass(frozen=True)
class LiveKit:
    """A running LiveKit server."""

    url: str
    key: str
    secret: str

    def token(self, identity: str, room: str, *, agent: bool = False, dispatch: api.RoomAgentDispatch | None = None) -> str:
        """A token to join a room, as an agent or as a caller."""
        token = api.AccessToken(self.key, self.secret).with_identity(identity).with_ttl(timedelta(minutes=5))
        token = token.with_kind("agent" if agent else "standard")
        token = token.with_grants(api.VideoGrants(room_join=True, room=room, can_update_own_metadata=True, agent=agent))
        if dispatch is not None:
            token = token.with_room_config(api.RoomConfiguration(agents=[dispatch]))
        return token.to_jwt()


@pytest.fixture(scope="session")
def livekit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveKit]:
    """A LiveKit server on free ports, ended with the tests."""
    folder = tmp_path_factory.mktemp("livekit")
    port, tcp, udp = free_ports(3)
    keys = LiveKit(f"ws://127.0.0.1:{port}", "tests", secrets.token_urlsafe(32))
    rtc_settings = {"tcp_port": tcp, "udp_port": udp, "use_external_ip": False, "node_ip": "127.0.0.1"}
    rtc_settings |= {"interfaces": {"includes": ["lo"]}, "enable_loopback_candidate": True}
    settings = {"port": port, "bind_addresses": ["127.0.0.1"], "rtc": rtc_settings, "keys": {keys.key: keys.secret}}
    config = folder / "livekit.yaml"
    config.write_text(json.dumps(settings))
    program = provide(Path(os.environ.get("READBACK_HOME", CHECKOUT / ".readback")), Console(stderr=True))
    with (folder / "livekit.log").open("wb") as log:
        server = subprocess.Popen([program, "--config", str(config)], stdout=log, stderr=log)
    try:
        asyncio.run(_listening(port))
        yield keys
    finally:
        server.terminate()
        try:
            server.wait(5)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


async def _listening(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


@pytest.fixture(scope="session")
def engines() -> Iterator[Engines]:
    """The real ears and voice."""
    with closing(Engines.load()) as loaded:
        yield loaded


@pytest.fixture(scope="session")
def spoken(engines: Engines) -> Callable[[str], Samples]:
    """Speech of a text at 16 kHz."""
    return lambda text: resampled(engines.voice.say(text), VOICE_RATE, EAR_RATE)
