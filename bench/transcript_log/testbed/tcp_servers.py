"""TCP servers in this process: a relay that counts bytes, and a room API in which every room has a caller."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from livekit.protocol import models, room

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_BODY = room.ListParticipantsResponse(
    participants=[models.ParticipantInfo(identity="caller")]
).SerializeToString()
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/protobuf\r\ncontent-length: %d\r\n\r\n%s"


@asynccontextmanager
async def tcp_server(handler: Handler) -> AsyncIterator[int]:
    """Serve on a free port of the loopback, and yield the port.

    A handler ends when its client closes the connection, and is cancelled at the end of the block.
    """
    tasks: set[asyncio.Task[None]] = set()

    async def handled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                await handler(reader, writer)
        finally:
            writer.close()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(handled(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


@dataclass(slots=True)
class Relay:
    """A relay in front of a server."""

    address: str = ""
    returned: int = 0
    """Number of bytes received from the server, including frames and headers."""


@asynccontextmanager
async def relay(port: int) -> AsyncIterator[Relay]:
    """Relay connections to a port of this machine until the block ends."""
    counted = Relay()

    async def connected(from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", port)
        forwarding = asyncio.create_task(_forward(from_client, to_server))
        try:
            while data := await from_server.read(65536):
                counted.returned += len(data)
                to_client.write(data)
                await to_client.drain()
        finally:
            forwarding.cancel()
            await asyncio.gather(forwarding, return_exceptions=True)
            to_server.close()

    async with tcp_server(connected) as own_port:
        counted.address = f"127.0.0.1:{own_port}"
        yield counted


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def room_server() -> AsyncIterator[str]:
    """Serve LiveKit's room API until the block ends, in place of a LiveKit server; yield the address.

    Every room has a caller. All other methods return empty messages.
    """
    async with tcp_server(_answer_room_api) as port:
        yield f"ws://127.0.0.1:{port}"


async def _answer_room_api(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].split(b"\r\n")[0]
        await reader.readexactly(int(length or 0))
        body = _BODY if b"/listparticipants" in head else b""
        writer.write(_ANSWER % (len(body), body))
        await writer.drain()
