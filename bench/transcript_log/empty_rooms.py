"""A room server in which every room has its caller and nothing ever happens, so that no LiveKit is needed to measure a log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from livekit.protocol import models, room

from bench.transcript_log.testbed.tcp_servers import tcp_server

_BODY = room.ListParticipantsResponse(
    participants=[models.ParticipantInfo(identity="caller")]
).SerializeToString()
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/protobuf\r\ncontent-length: %d\r\n\r\n%s"


@asynccontextmanager
async def empty_rooms() -> AsyncIterator[str]:
    """Serves LiveKit's room API until the block ends; gives its address. Other answers of the API are empty messages."""
    async with tcp_server(_answer) as port:
        yield f"ws://127.0.0.1:{port}"


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")),
            0,
        )
        await reader.readexactly(length)
        body = _BODY if b"/listparticipants" in head else b""
        writer.write(_ANSWER % (len(body), body))
        await writer.drain()
