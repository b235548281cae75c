"""A real LiveKit server on free ports."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from cli.livekit.server import provide
from mesh.security.secrets import LiveKitKeys
from mesh.settings import CHECKOUT
from tests.product import free_ports


@contextlib.contextmanager
def livekit_server(folder: Path, keys: LiveKitKeys | None = None) -> Iterator[tuple[str, LiveKitKeys]]:
    """Runs a server for this machine alone, with the given keys or new ones; gives its address and the keys it accepts."""
    port, tcp, udp = free_ports(3)
    keys = keys or LiveKitKeys("tests", secrets.token_urlsafe(32))
    loopback = {
        "interfaces": {"includes": ["lo"]},
        "node_ip": "127.0.0.1",
        "use_external_ip": False,
        "enable_loopback_candidate": True,
    }
    settings = {
        "port": port,
        "bind_addresses": ["127.0.0.1"],
        "rtc": loopback | {"tcp_port": tcp, "udp_port": udp},
        "keys": {keys.key: keys.secret},
    }
    (folder / "livekit.yaml").write_text(json.dumps(settings))
    program = provide(Path(os.environ.get("READBACK_HOME", CHECKOUT / ".readback")), Console(stderr=True))
    with (folder / "livekit.log").open("wb") as log:
        server = subprocess.Popen([program, "--config", str(folder / "livekit.yaml")], stdout=log, stderr=log)
    try:
        _wait_for(port)
        yield f"ws://127.0.0.1:{port}", keys
    finally:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(5)
        server.kill()
        server.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
