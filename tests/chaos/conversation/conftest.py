"""The conversation service as a process that can be killed, next to identity in this process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest

from tests.integration.conversation.mesh import Mesh
from tests.product import free_ports


class Service:
    """The conversation service in a process of its own; each start uses the same port."""

    def __init__(self, mesh: Mesh, log: Path) -> None:
        self._log = log
        (self._port,) = free_ports(1)
        self._process: asyncio.subprocess.Process | None = None
        mesh.address = f"127.0.0.1:{self._port}"
        self._environment = {
            **os.environ,
            "READBACK_HOME": str(mesh.home),
            "READBACK_IDENTITY_ADDRESS": mesh.identity_address,
            "READBACK_CONVERSATION_PORT": str(self._port),
            "READBACK_CONVERSATION_HTTP_PORT": "0",
            "LIVEKIT_URL": "ws://127.0.0.1:9",
        }

    async def start(self) -> None:
        """Start it and wait until it listens."""
        code = "from services.conversation.app import main; main()"
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", code, env=self._environment, stderr=log
            )
        async with asyncio.timeout(60), grpc.aio.insecure_channel(f"127.0.0.1:{self._port}") as channel:
            await channel.channel_ready()

    async def kill(self) -> None:
        """Send SIGKILL: the process dies without any cleanup."""
        await self._end_with(signal.SIGKILL)

    async def terminate(self) -> None:
        """Send SIGTERM: the process drains."""
        await self._end_with(signal.SIGTERM)

    async def _end_with(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            async with asyncio.timeout(15):
                await process.wait()


@pytest.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[Mesh]:
    """Identity, and stubs for the service."""
    async with AsyncExitStack() as stack:
        made = Mesh(tmp_path, stack)
        await made.start_identity()
        yield made


@pytest.fixture
async def service(mesh: Mesh, tmp_path: Path) -> AsyncIterator[Service]:
    """The running service."""
    made = Service(mesh, tmp_path / "conversation.log")
    await made.start()
    try:
        yield made
    finally:
        await made.kill()
