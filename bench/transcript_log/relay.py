"""A TCP relay that counts what it passes back, for what a stream really costs on the wire, frames and headers included."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.transcript_log.testbed.tcp_servers import tcp_server


@dataclass(slots=True)
class Relay:
    """A relay in front of a server."""

    address: str = ""
    returned: int = 0
    """Bytes that came from the server so far."""


@asynccontextmanager
async def relay(port: int) -> AsyncIterator[Relay]:
    """A relay to a port of this machine, until the block ends."""
    counted = Relay()

    async def connected(near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, forth = await asyncio.open_connection("127.0.0.1", port)
        passing = asyncio.create_task(_pass(near, forth))
        try:
            while data := await far.read(65536):
                counted.returned += len(data)
                back.write(data)
                await back.drain()
        finally:
            passing.cancel()
            await asyncio.gather(passing, return_exceptions=True)
            forth.close()

    async with tcp_server(connected) as own_port:
        counted.address = f"127.0.0.1:{own_port}"
        yield counted


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
