"""A real LiveKit server on free ports."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console

from cli.livekit.server import provide
from mesh.secrets import LiveKitKeys
from mesh.settings import CHECKOUT
from tests.product import free_ports


@asynccontextmanager
async def livekit_server(folder: Path, keys: LiveKitKeys) -> AsyncIterator[str]:
    """Serves rooms until the block ends; gives the address."""
    port, tcp, udp = free_ports(3)
    rtc = {"tcp_port": tcp, "udp_port": udp, "use_external_ip": False, "node_ip": "127.0.0.1"}
    rtc |= {"interfaces": {"includes": ["lo"]}, "enable_loopback_candidate": True}
    config = folder / "livekit.yaml"
    config.write_text(json.dumps({"port": port, "bind_addresses": ["127.0.0.1"], "rtc": rtc, "keys": {keys.key: keys.secret}}))
    program = provide(Path(os.environ.get("READBACK_HOME", CHECKOUT / ".readback")), Console(stderr=True))
    with (folder / "livekit.log").open("wb") as log:
        server = await asyncio.create_subprocess_exec(program, "--config", str(config), stdout=log, stderr=log)
    try:
        await _listening(port)
        yield f"ws://127.0.0.1:{port}"
    finally:
        server.kill()
        await server.wait()


async def _listening(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
