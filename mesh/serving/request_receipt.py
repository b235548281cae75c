"""Receipt of an RPC's only request: within a time and a size, parsed, and checked against its contract.

gRPC would wait for the request without limit before it calls a handler. So a handler that is called early
receives the request itself, while the RPC counts for the limits of running RPCs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message

from mesh.errors import InvalidRequest, RequestTooLarge, RequestTooSlow

Parse = Callable[[bytes], Message]


def within_size(parse: Parse, max_bytes: int) -> Parse:
    """Return a parser that refuses requests that are too large or malformed, as `InvalidRequest`."""

    def checked(data: bytes) -> Message:
        if len(data) > max_bytes:
            raise RequestTooLarge(len(data), max_bytes)
        try:
            return parse(data)
        except DecodeError:
            raise InvalidRequest([]) from None

    return checked


async def receive_request(context: Any, parse: Parse, seconds: float) -> Message:
    """Return the parsed request of an RPC.

    Raises:
        InvalidRequest: it didn't arrive within `seconds`, is absent, or `parse` refuses it.
    """
    try:
        async with asyncio.timeout(seconds):
            data = await context.read()
    except TimeoutError:
        raise RequestTooSlow(seconds) from None
    if data is grpc.aio.EOF:
        raise InvalidRequest([])
    return parse(data)
