"""A real LiveKit server on free ports, with the configuration of `readback up`."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from cli.livekit import config
from cli.livekit.server import provide
from cli.settings import UpSettings
from cli.supervisor.child_processes import child_process
from mesh.security.secrets import LiveKitKeys
from mesh.settings import CHECKOUT, load, reachable_host
from tests.product import free_ports, wait_until_ready


@contextlib.contextmanager
def livekit_server(
    folder: Path, keys: LiveKitKeys | None = None, *, bind: str = "127.0.0.1", auto_create: bool = True
) -> Iterator[tuple[str, LiveKitKeys]]:
    """Run a server; yield its URL on this machine and its API keys (new ones if none are given).

    With `auto_create`, a participant's token creates the room, which the product doesn't allow.
    """
    host, (port, tcp, udp) = reachable_host(bind), free_ports(3)
    pair = {"LIVEKIT_API_KEY": keys.key, "LIVEKIT_API_SECRET": keys.secret} if keys else {}
    ports = {"livekit_port": port, "livekit_tcp_port": tcp, "livekit_udp_port": udp}
    settings = load(UpSettings, home=folder, bind=bind, **ports, **pair)
    home = Path(os.environ.get("READBACK_HOME", CHECKOUT / ".readback"))
    program = provide(load(UpSettings, home=home), Console(stderr=True))
    command = [str(program), "--config", str(_written(settings, auto_create=auto_create))]
    with (
        (folder / "livekit.log").open("wb") as log,
        # On SIGTERM it would wait for its rooms.
        child_process(command, grace_seconds=0, stdout=log, stderr=log),
    ):
        wait_until_ready(lambda: socket.create_connection((host, port), 1).close(), OSError)
        yield f"ws://{host}:{port}", settings.livekit_keys


def _written(settings: UpSettings, *, auto_create: bool) -> Path:
    path = config.write(settings)
    configuration = json.loads(path.read_text()) | {"room": {"auto_create": auto_create}}
    path.write_text(json.dumps(configuration))
    return path
