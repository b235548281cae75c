"""A real LiveKit server on free ports."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from cli.livekit.server import provide
from mesh.security.secrets import LiveKitKeys
from mesh.settings import CHECKOUT
from tests.product import free_ports, wait_until_ready


@contextlib.contextmanager
def livekit_server(folder: Path, keys: LiveKitKeys | None = None) -> Iterator[tuple[str, LiveKitKeys]]:
    """Run a server on the loopback interface; yield its URL and its API keys (new ones if none are given)."""
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
        wait_until_ready(lambda: socket.create_connection(("127.0.0.1", port), 1).close(), OSError)
        yield f"ws://127.0.0.1:{port}", keys
    finally:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(5)
        server.kill()
        server.wait()
