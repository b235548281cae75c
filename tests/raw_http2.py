"""HTTP/2 frames written by hand (RFC 9113, RFC 7541), to send what gRPC's client refuses to send."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import NamedTuple

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
MAX_FRAME = 16_384
# A table size of 0 keeps the server's headers readable without a decoder.
NO_TABLE = struct.pack(">HI", 1, 0)
STATUS = b"grpc-status"


class Frame(NamedTuple):
    """A frame."""

    kind: int
    flags: int
    stream: int
    payload: bytes

    def encoded(self) -> bytes:
        """Return the frame as on the wire."""
        return frame(self.kind, self.flags, self.stream, self.payload)


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """Return a frame as on the wire."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _string(text: bytes) -> bytes:
    """Return an HPACK string without Huffman coding: its length (RFC 7541 §5.1), then its bytes."""
    length = len(text)
    if length < 127:
        return bytes([length]) + text
    encoded, rest = bytearray([127]), length - 127
    while rest >= 128:
        encoded.append(rest % 128 + 128)
        rest //= 128
    return bytes([*encoded, rest]) + text


def header_block(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return headers as HPACK literals that are never indexed."""
    return b"".join(b"\x10" + _string(name) + _string(value) for name, value in fields)


def message(body: bytes, *, compressed: bool = False) -> bytes:
    """Return a gRPC message with its prefix."""
    return struct.pack(">BI", compressed, len(body)) + body


class RawConnection:
    """A connection whose owner decides every frame."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer
        self._next_stream = 1

    def send(self, *frames: bytes) -> None:
        """Send bytes as they are."""
        self.writer.writelines(frames)

    def open(
        self, path: str, *fields: tuple[bytes, bytes], body: bytes | None = None, end: bool = False
    ) -> int:
        """Open a stream with these header fields, and send a body unless it is None; return its number."""
        stream, self._next_stream = self._next_stream, self._next_stream + 2
        usual = [
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b":path", path.encode()),
            (b":authority", b"localhost"),
            (b"content-type", b"application/grpc"),
            (b"te", b"trailers"),
        ]
        flags = END_HEADERS | (END_STREAM if end and not body else 0)
        self.send(frame(HEADERS, flags, stream, header_block([*usual, *fields])))
        for start in range(0, len(body or b""), MAX_FRAME):
            last = end and start + MAX_FRAME >= len(body or b"")
            part = (body or b"")[start : start + MAX_FRAME]
            self.send(frame(DATA, END_STREAM if last else 0, stream, part))
        return stream

    async def frames(self) -> AsyncIterator[Frame]:
        """Yield the server's frames until it closes the connection. Settings and pings are acknowledged."""
        while True:
            try:
                head = await self._reader.readexactly(9)
                payload = await self._reader.readexactly(int.from_bytes(head[:3]))
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            received = Frame(head[3], head[4], int.from_bytes(head[5:9]) & 0x7FFF_FFFF, payload)
            if received.kind in (SETTINGS, PING) and not received.flags & ACK:
                self.send(frame(received.kind, ACK, payload=payload if received.kind == PING else b""))
            yield received

    async def status(self, stream: int) -> int | None:
        """Return the gRPC status of a stream; None if it, or the connection, ends without one."""
        async for received in self.frames():
            if received.kind == GOAWAY and received.payload[4:8] != b"\0\0\0\0":
                return None
            if received.stream != stream:
                continue
            if received.kind == RST_STREAM:
                return None
            if received.kind == HEADERS and STATUS in received.payload:
                start = received.payload.index(STATUS) + len(STATUS)
                length = received.payload[start]
                return int(received.payload[start + 1 : start + 1 + length])
        return None

    async def closed(self) -> None:
        """Return when the server has closed the connection; answer nothing."""
        with contextlib.suppress(ConnectionError):
            await self._reader.read(-1)


@asynccontextmanager
async def raw_connection(
    address: str, *, source: str = "127.0.0.1", begin: bytes = PREFACE + frame(SETTINGS, payload=NO_TABLE)
) -> AsyncIterator[RawConnection]:
    """Connect to a server from a source address of the loopback, and begin with some bytes."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), local_addr=(source, 0))
    try:
        writer.write(begin)
        yield RawConnection(reader, writer)
    finally:
        writer.transport.abort()
