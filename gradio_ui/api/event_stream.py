"""A conversation as it happens, as server-sent events: `Watch` behind an EventSource.

The event id is the cursor, so the browser's own reconnecting resumes where it was: after a lost network, a restarted service or
a token that ran out. A reconnect is a request of its own, which is when tokens are refreshed.
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
from gradio_ui.api.services import Customer, SignedIn
from mesh.calling.channel import streaming
from mesh.errors import metadata_of

if TYPE_CHECKING:
    WatchCall = grpc.aio.UnaryStreamCall[pb.WatchRequest, pb.WatchResponse]

router = APIRouter(prefix="/api/conversations")
RETRY_MILLISECONDS = 1000
"""How long browsers wait before they reconnect."""
REFUSED_RETRY_MILLISECONDS = 5000
"""The same for one whose token was refused: each time that it comes back costs a refresh."""
_HOPELESS = (
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.PERMISSION_DENIED,
)
"""Answers that another try won't change."""
Cursor = Annotated[str, Query(max_length=512)]
LastEventId = Annotated[str, Header(alias="Last-Event-ID", max_length=512)]


class Feeds:
    """The feeds that are open, so that a stopping server can end them instead of waiting for them."""

    def __init__(self) -> None:
        self._calls: set[WatchCall] = set()
        self.ending = False

    def end_all(self) -> None:
        """Ends every feed; browsers reconnect when there is a server again."""
        self.ending = True
        for call in list(self._calls):
            call.cancel()

    async def events(self, call: WatchCall, customer: Customer) -> AsyncIterator[str]:
        """What a customer's `Watch` tells, as server-sent events, until it ends or the reader leaves."""
        self._calls.add(call)
        try:
            async with streaming(call):
                yield f"retry: {RETRY_MILLISECONDS}\n\n"
                async for message in call:
                    for event in _events(message):
                        yield event
        except grpc.aio.AioRpcError as error:
            # A feed that can't go on says so; any other failure ends it silently, and the browser comes back with its cursor.
            if earliest := _earliest_cursor(error):
                yield _text("rewound", {}, earliest)  # which is the browser's cursor then
            elif error.code() in _HOPELESS:
                yield _text("failed", {"reason": short_reason(error)})
            elif error.code() is grpc.StatusCode.UNAUTHENTICATED:
                customer.session.distrust(customer.token)
                yield f"retry: {REFUSED_RETRY_MILLISECONDS}\n\n"
        except asyncio.CancelledError:
            if not self.ending:
                raise
        finally:
            self._calls.discard(call)


@router.get("/{conversation_id}/feed")
async def feed(
    conversation_id: UUID,
    request: Request,
    customer: SignedIn,
    cursor: Cursor = "",
    last_event_id: LastEventId = "",
) -> StreamingResponse:
    """Server-sent events of one conversation, after `Last-Event-ID` or `cursor` or from the beginning.

    `entry`, `live`, `caught_up`, `heartbeat`, `end` carry the JSON of that field of `WatchResponse`; `failed` carries `{"reason"}`.
    `rewound` says that what the cursor stood on is gone, as after a restore: the log is another one and is told from its earliest cursor.
    """
    heartbeat = Duration()
    heartbeat.FromTimedelta(timedelta(seconds=request.app.state.settings.ui_feed_heartbeat_seconds))
    wish = pb.WatchRequest(
        conversation_id=str(conversation_id), heartbeat_interval=heartbeat, include_live=True
    )
    if position := last_event_id or cursor:
        wish.cursor = position
    feeds: Feeds = request.app.state.feeds
    call = customer.conversation.Watch(wish, metadata=customer.metadata)
    return StreamingResponse(
        feeds.events(call, customer), media_type="text/event-stream", headers={"x-accel-buffering": "no"}
    )


def _earliest_cursor(error: grpc.aio.AioRpcError) -> str:
    """Where to go on from when a cursor has expired; empty for any other failure."""
    return metadata_of(error).get("earliest_cursor", "") if short_reason(error) == "CURSOR_EXPIRED" else ""


def _events(message: pb.WatchResponse) -> Iterator[str]:
    """What one message tells. Entries that come together are told one by one; the cursor stands after the last, so it comes with that."""
    kind = message.WhichOneof("event") or "heartbeat"
    if kind == "entries":
        *before, last = message.entries.entries
        yield from (_text("entry", as_json(entry)) for entry in before)
        yield _text("entry", as_json(last), message.cursor)
    else:
        yield _text(kind, as_json(getattr(message, kind)), message.cursor)


def _text(kind: str, data: dict[str, Any], cursor: str = "") -> str:
    position = f"id: {cursor}\n" if cursor else ""
    return f"{position}event: {kind}\ndata: {json.dumps(data)}\n\n"
