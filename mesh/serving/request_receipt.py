"""Receipt of requests: within a time and a size, decompressed, parsed, and checked against the contract.

gRPC would wait for a unary request without limit before it calls a handler. So a handler that is called early
receives the request itself, while the RPC counts for the limits of running RPCs. gRPC would also decompress a
request to megabytes where the method allows kilobytes. So it passes compressed requests on as they are.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message

from mesh.errors import InvalidRequest, RequestTooLarge, RequestTooSlow

Parse = Callable[[bytes], Message]
_GZIP = b"\x1f\x8b"
"""The first bytes of gzip (RFC 1952 §2.3.1). No protobuf message begins so: there is no wire type 7."""


def within_size(parse: Parse, max_bytes: int) -> Parse:
    """Return a parser that refuses requests that are too large or malformed, as `InvalidRequest`."""

    def checked(data: bytes) -> Message:
        if data.startswith(_GZIP):
            data = _decompressed(data, max_bytes + 1)
        if len(data) > max_bytes:
            raise RequestTooLarge(len(data), max_bytes)
        try:
            return parse(data)
        except DecodeError:
            raise InvalidRequest([]) from None

    return checked


def _decompressed(data: bytes, most: int) -> bytes:
    """Return at most `most` bytes of what a gzip file contains."""
    try:
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(data, most)
    except zlib.error:
        raise InvalidRequest([]) from None


class Receiver:
    """Receives requests. Too many that haven't arrived end the oldest, so slow callers hold up no one.

    Args:
        seconds: time in which a request must arrive.
        most: RPCs that wait for their request.
    """

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds, self._most = seconds, most
        self._waiting: dict[asyncio.Timeout, None] = {}

    async def receive(self, context: Any, parse: Parse) -> Message:
        """Return the parsed request of an RPC.

        Raises:
            InvalidRequest: it didn't arrive in time, is absent, or `parse` refuses it.
        """
        try:
            async with asyncio.timeout(self._seconds) as limit:
                self._enter(limit)
                try:
                    data = await context.read()
                finally:
                    self._waiting.pop(limit, None)
        except TimeoutError:
            raise RequestTooSlow from None
        if data is grpc.aio.EOF:
            raise InvalidRequest([])
        return parse(data)

    def _enter(self, limit: asyncio.Timeout) -> None:
        self._waiting[limit] = None
        if len(self._waiting) > self._most:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.reschedule(asyncio.get_running_loop().time())
