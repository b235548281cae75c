"""Streamed responses: server-sent events, lines of JSON (NDJSON), or a file.

The response starts after the first message, so that an RPC that fails at once gets an HTTP error status.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import quote

import grpc
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.message import Message
from starlette.responses import Response, StreamingResponse

from services.gateway.compact_json import compact_json
from services.gateway.http.calls import CallContext, Rpcs
from services.gateway.http.errors import GatewayError, as_json
from services.gateway.http.json_writer import to_json

EVENTS, LINES = "text/event-stream", "application/x-ndjson"
_NO_CACHE = {"cache-control": "no-store", "x-accel-buffering": "no"}
"""nginx must not buffer a stream."""


async def streamed(
    rpcs: Rpcs, method: MethodDescriptor, message: Message, context: CallContext, accept: str
) -> Response:
    """Return the response for a server-streaming RPC.

    Raises:
        grpc.aio.AioRpcError: the RPC failed before its first message.
        GatewayError: the caller accepts none of the media types.
    """
    media_type = _media_type(method.output_type, accept)
    async with AsyncExitStack() as stack:
        responses = await stack.enter_async_context(rpcs.server_stream(method, message, context))
        first = await anext(responses, None)
        rest = stack.pop_all()
    body = _with_first(first, responses, rest)
    if media_type == EVENTS:
        return StreamingResponse(_events(body), media_type=EVENTS, headers=_NO_CACHE)
    if media_type == LINES:
        return StreamingResponse(_lines(body), media_type=LINES, headers=_NO_CACHE)
    return _file(first, body)


def _media_type(output: Descriptor, accept: str) -> str:
    """Return the media type of a stream; empty for a file, which has its own."""
    wanted = [part.partition(";")[0].strip().lower() for part in accept.split(",") if part.strip()]
    if EVENTS in wanted:
        return EVENTS
    if LINES in wanted:
        return LINES
    if is_file(output):
        return ""
    if not wanted or {"*/*", "application/*", "application/json"} & set(wanted):
        return LINES
    text = f"This is a stream: accept {EVENTS} or {LINES}."
    raise GatewayError(406, grpc.StatusCode.INVALID_ARGUMENT, text)


def is_file(output: Descriptor) -> bool:
    """Return whether a stream is a file in pieces: its messages have `data` and a `media_type`."""
    return {"data", "media_type"} <= set(output.fields_by_name)


async def _with_first(
    first: Message | None, rest: AsyncIterator[Message], stack: AsyncExitStack
) -> AsyncIterator[Message]:
    async with stack:
        if first is None:
            return
        yield first
        async for message in rest:
            yield message


async def _events(messages: AsyncIterator[Message]) -> AsyncIterator[bytes]:
    """Yield server-sent events: the cursor as id, the name of the set `oneof` field as event."""
    try:
        async for message in messages:
            cursor = getattr(message, "cursor", "")
            head = f"id: {cursor}\n" if cursor else ""
            yield f"{head}event: {_event_name(message)}\ndata: {compact_json(to_json(message))}\n\n".encode()
    except grpc.aio.AioRpcError as error:
        yield f"event: error\ndata: {compact_json(as_json(error))}\n\n".encode()
    else:
        # Without it, an EventSource would reconnect after a stream that is complete.
        yield b"event: complete\ndata: {}\n\n"


def _event_name(message: Message) -> str:
    oneofs = message.DESCRIPTOR.oneofs
    return (message.WhichOneof(oneofs[0].name) if oneofs else None) or "message"


async def _lines(messages: AsyncIterator[Message]) -> AsyncIterator[bytes]:
    """Yield one JSON object per line; a failure is a last line with the member `error`."""
    try:
        async for message in messages:
            yield f"{compact_json(to_json(message))}\n".encode()
    except grpc.aio.AioRpcError as error:
        yield f"{compact_json({'error': as_json(error)})}\n".encode()


def _file(first: Any, messages: AsyncIterator[Any]) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        # A failure breaks the connection off, so that a client doesn't take a part for the whole.
        async for message in messages:
            if message.data:
                yield message.data

    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    if first is not None and first.file_name:
        headers["content-disposition"] = f"attachment; filename*=UTF-8''{quote(first.file_name)}"
    media_type = first.media_type if first is not None else "application/octet-stream"
    return StreamingResponse(pieces(), media_type=media_type, headers=headers)
