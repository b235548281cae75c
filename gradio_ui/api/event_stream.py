"""Live events of a conversation: `Watch` as server-sent events for a browser's EventSource.

Each event id is a cursor. A browser that reconnects sends the last one, so the stream continues after that
event, for example after a network failure or a restart of the service. If the access token has expired, the
stream ends too, and the reconnecting request gets a new token.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import grpc
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from google.protobuf.duration_pb2 import Duration
from readback.conversation.v1 import conversation_service_pb2 as pb

from gradio_ui.api.conversations import as_json
from gradio_ui.api.error_responses import short_reason
from gradio_ui.api.services import CustomerOf, SignedInCustomer
from mesh.calling.channel import streaming
from mesh.errors import metadata_of

if TYPE_CHECKING:
    WatchCall = grpc.aio.UnaryStreamCall[pb.WatchRequest, pb.WatchResponse]

router = APIRouter(prefix="/api/conversations")
RETRY_MILLISECONDS = 1000
"""Time that browsers wait before they reconnect, in milliseconds."""
REFUSED_RETRY_MILLISECONDS = 5000
"""The same time after a refused token. It is longer, because each reconnect refreshes the token."""
_PERMANENT = (
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.PERMISSION_DENIED,
)
"""gRPC codes of errors that a retry can't resolve."""
Cursor = Annotated[str, Query(max_length=512)]
LastEventId = Annotated[str, Header(alias="Last-Event-ID", max_length=512)]


class EventStreams:
    """The open streams of this server. A stopping server ends them instead of waiting for them."""

    def __init__(self) -> None:
        self._calls: set[WatchCall] = set()
        self._ending = False

    def end_all(self) -> None:
        """End all streams. Browsers reconnect as soon as a server is available."""
        self._ending = True
        for call in list(self._calls):
            call.cancel()

    async def events(self, call: WatchCall, customer: SignedInCustomer) -> AsyncIterator[str]:
        """Yield the messages of a `Watch` call as server-sent events until it ends."""
        self._calls.add(call)
        try:
            async with streaming(call):
                yield f"retry: {RETRY_MILLISECONDS}\n\n"
                async for message in call:
                    for event in _events(message):
                        yield event
        except grpc.aio.AioRpcError as error:
            # Permanent errors are sent as `failed` events. After any other error the stream ends, and the
            # browser reconnects with its last cursor.
            if earliest := _earliest_cursor(error):
                yield _event("rewound", {}, earliest)  # the browser reconnects with this cursor
            elif error.code() in _PERMANENT:
                yield _event("failed", {"reason": short_reason(error)})
            elif error.code() is grpc.StatusCode.UNAUTHENTICATED:
                customer.session.distrust(customer.token)
                yield f"retry: {REFUSED_RETRY_MILLISECONDS}\n\n"
        except asyncio.CancelledError:
            if not self._ending:
                raise
        finally:
            self._calls.discard(call)


@router.get("/{conversation_id}/feed")
async def feed(
    conversation_id: UUID,
    request: Request,
    customer: CustomerOf,
    cursor: Cursor = "",
    last_event_id: LastEventId = "",
) -> StreamingResponse:
    """Stream the events of one conversation after `Last-Event-ID`, or after `cursor`, or from the beginning.

    The data of `live`, `caught_up`, `conversation`, `heartbeat` and `end` events is that field of
    `WatchResponse` as JSON. An `entry` event has one entry, and a `failed` event has `{"reason"}`. A
    `rewound` event means that the cursor has expired, for example after a restore; the browser then continues
    from the earliest cursor of the log.
    """
    heartbeat = Duration()
    heartbeat.FromTimedelta(timedelta(seconds=request.app.state.settings.ui_feed_heartbeat_seconds))
    watch = pb.WatchRequest(
        conversation_id=str(conversation_id),
        heartbeat_interval=heartbeat,
        include_live=True,
        include_conversation=True,
    )
    if position := last_event_id or cursor:
        watch.cursor = position
    streams: EventStreams = request.app.state.event_streams
    call = customer.conversation.Watch(watch, metadata=customer.metadata)
    return StreamingResponse(
        streams.events(call, customer), media_type="text/event-stream", headers={"x-accel-buffering": "no"}
    )


def _earliest_cursor(error: grpc.aio.AioRpcError) -> str:
    """Return the earliest cursor of the log if the error is an expired cursor, otherwise an empty string."""
    return metadata_of(error).get("earliest_cursor", "") if short_reason(error) == "CURSOR_EXPIRED" else ""


def _events(message: pb.WatchResponse) -> Iterator[str]:
    """Yield a message as events, one per entry. Only the last event has the message's cursor."""
    kind = message.WhichOneof("event") or "heartbeat"
    if kind == "entries":
        *before, last = message.entries.entries
        yield from (_event("entry", as_json(entry)) for entry in before)
        yield _event("entry", as_json(last), message.cursor)
    else:
        yield _event(kind, as_json(getattr(message, kind)), message.cursor)


def _event(kind: str, data: dict[str, Any], cursor: str = "") -> str:
    position = f"id: {cursor}\n" if cursor else ""
    return f"{position}event: {kind}\ndata: {json.dumps(data)}\n\n"
