"""The `Watch` stream: sends events as messages with cursors. Entries are serialized once for all watchers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from readback.conversation.v1 import conversation_service_pb2 as pb

from mesh.clock import Clock, timestamp
from services.conversation.errors import WatcherTooSlow
from services.conversation.model.cursors import Cursors, LogId, Position
from services.conversation.model.entries import EntryFilter
from services.conversation.model.times import instant
from services.conversation.watch.conversation_states import ConversationState
from services.conversation.watch.flow_control import FlowControl
from services.conversation.watch.follower import (
    CaughtUp,
    Ending,
    Event,
    Followers,
    Heartbeat,
    PositionLost,
    Start,
    WatchOptions,
)
from services.conversation.watch.heartbeats import heartbeat_seconds
from services.conversation.watch.live_captions import CaptionChange
from services.conversation.watch.wire_entries import Deleted, delimited

_CURSOR, _ENTRY, _BATCH, _LIVE, _CONVERSATION = (
    pb.WatchResponse.CURSOR_FIELD_NUMBER,
    pb.WatchResponse.ENTRY_FIELD_NUMBER,
    pb.WatchResponse.ENTRIES_FIELD_NUMBER,
    pb.WatchResponse.LIVE_FIELD_NUMBER,
    pb.WatchResponse.CONVERSATION_FIELD_NUMBER,
)
_BATCHED = pb.EntryBatch.ENTRIES_FIELD_NUMBER
_END_REASONS = {
    Ending.DRAINING: pb.WATCH_END_REASON_DRAINING,
    Ending.TOKEN_EXPIRED: pb.WATCH_END_REASON_TOKEN_EXPIRED,
    Ending.CONVERSATION_ENDED: pb.WATCH_END_REASON_CONVERSATION_ENDED,
    Ending.CONVERSATION_DELETED: pb.WATCH_END_REASON_CONVERSATION_DELETED,
}


@dataclass(frozen=True, slots=True)
class Watcher:
    """The caller of a watch."""

    customer_id: str
    expires_at: datetime
    """Expiry of the caller's token."""
    leave_plain: Callable[[], None]
    """Disables compression for the next message."""


class WatchStreams:
    """The server side of the `Watch` streams.

    Args:
        patience: seconds that a message may wait until the watcher reads it.
    """

    def __init__(self, followers: Followers, cursors: Cursors, clock: Clock, patience: float) -> None:
        self._followers, self._cursors, self._clock, self._patience = followers, cursors, clock, patience

    async def watch(self, request: pb.WatchRequest, watcher: Watcher) -> AsyncGenerator[bytes]:
        """Follow the requested conversation, or the caller's feed if the request names none.

        Yield serialized `WatchResponse` messages. The caller must be allowed to read the conversation.

        Raises:
            InvalidCursor: the cursor doesn't belong to this log.
            CursorExpired: the entry at the cursor is gone.
            WatcherTooSlow: the watcher didn't read a message within `patience`.
        """
        conversation_id = request.conversation_id.lower()
        log = LogId.conversation(conversation_id) if conversation_id else LogId.feed(watcher.customer_id)
        position = await self._start(log, request)
        options = WatchOptions(
            heartbeat_seconds(request),
            request.include_live,
            watcher.expires_at,
            EntryFilter.of(request.filter),
            request.include_conversation,
        )
        flow = FlowControl(self._clock, self._patience)
        async with aclosing(self._followers.follow(log, watcher.customer_id, position, options)) as events:
            async for after, event in events:
                cursor = self._cursors.seal(log, after)
                message = _message(event)
                if not isinstance(event, CaptionChange):  # it has many small messages and moves no position
                    message += delimited(_CURSOR, cursor.encode())
                if not flow.send(len(message)):
                    watcher.leave_plain()
                yield message
                if flow.is_too_slow():
                    raise WatcherTooSlow(cursor)
                if isinstance(event, CaughtUp):
                    flow.caught_up()

    async def _start(self, log: LogId, request: pb.WatchRequest) -> Position:
        start: Position | datetime | Start = Start.BEGINNING
        if request.HasField("cursor"):
            start = self._cursors.open(log, request.cursor)
        elif request.HasField("start_commit_time"):
            start = instant(request.start_commit_time)
        elif request.from_now:
            start = Start.NOW
        try:
            return await self._followers.start_at(log, start)
        except PositionLost:
            raise self._cursors.expired(log) from None


def _message(event: Event) -> bytes:
    """Serialize an event without its cursor. The serialized `cursor` field can be appended to the result."""
    match event:
        case list():
            if len(event) == 1:
                return delimited(_ENTRY, event[0].data)
            return delimited(_BATCH, b"".join([delimited(_BATCHED, entry.data) for entry in event]))
        case CaptionChange():
            return delimited(_LIVE, event.data)
        case ConversationState():
            return delimited(_CONVERSATION, event.data)
        case Deleted(conversation_id):
            deleted = pb.ConversationDeleted(conversation_id=conversation_id)
            response = pb.WatchResponse(deleted=deleted)
        case CaughtUp():
            response = pb.WatchResponse(caught_up=pb.CaughtUp())
        case Heartbeat(time):
            response = pb.WatchResponse(heartbeat=pb.Heartbeat(server_time=timestamp(time)))
        case Ending():
            response = pb.WatchResponse(end=pb.WatchEnd(reason=_END_REASONS[event]))
    return response.SerializeToString()
