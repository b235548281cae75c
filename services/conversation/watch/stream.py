"""The `Watch` stream: a watcher's events as messages, serialized once for all who watch the same, each with its cursor."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from readback.conversation.v1 import conversation_service_pb2 as pb

from mesh.clock import Clock
from services.conversation.errors import WatcherTooSlow
from services.conversation.model.cursors import Cursors, LogId, LogKind, Position
from services.conversation.model.entries import instant, timestamp
from services.conversation.model.entry_filter import EntryFilter
from services.conversation.watch.batches import Deleted
from services.conversation.watch.flow_control import WatcherLink
from services.conversation.watch.live_captions import Spoken
from services.conversation.watch.walk import CaughtUp, Ending, Event, Heartbeat, WatchOptions
from services.conversation.watch.watching import PositionLost, Watching
from services.conversation.watch.wire_entries import delimited

HEARTBEAT_SECONDS = (1.0, 5.0, 60.0)
"""The shortest silence before a heartbeat, the usual one, the longest."""

_CURSOR, _ENTRY, _BATCH, _BATCHED = (
    pb.WatchResponse.CURSOR_FIELD_NUMBER,
    pb.WatchResponse.ENTRY_FIELD_NUMBER,
    pb.WatchResponse.ENTRIES_FIELD_NUMBER,
    pb.EntryBatch.ENTRIES_FIELD_NUMBER,
)
_END_REASONS = {
    Ending.DRAINING: pb.STREAM_END_REASON_DRAINING,
    Ending.TOKEN_EXPIRED: pb.STREAM_END_REASON_TOKEN_EXPIRED,
    Ending.CONVERSATION_ENDED: pb.STREAM_END_REASON_CONVERSATION_ENDED,
    Ending.CONVERSATION_DELETED: pb.STREAM_END_REASON_CONVERSATION_DELETED,
}


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who watches, and how its stream is written."""

    customer_id: str
    expires_at: datetime
    """When its token stops being good."""
    leave_plain: Callable[[], None]
    """Keeps the next message from being compressed."""


class WatchStreams:
    """Serves `Watch`.

    Args:
        patience: seconds that a message may wait for a watcher to read.
    """

    def __init__(self, watching: Watching, cursors: Cursors, clock: Clock, patience: float) -> None:
        self._watching, self._cursors, self._clock, self._patience = watching, cursors, clock, patience

    async def watch(self, request: pb.WatchRequest, watcher: Watcher) -> AsyncGenerator[bytes]:
        """One stream, of a conversation that the caller may read or of all of theirs: `WatchResponse` messages, serialized.

        Raises:
            CursorInvalid: the cursor is not of this log.
            CursorExpired: what it stood on is gone.
            WatcherTooSlow: a message waited too long to be read.
        """
        conversation_id = request.conversation_id.lower()
        log = LogId.conversation(conversation_id) if conversation_id else LogId.feed(watcher.customer_id)
        position = await self._start(log, request)
        options = WatchOptions(
            _heartbeat(request), request.include_live, watcher.expires_at, EntryFilter.of(request.filter)
        )
        link = WatcherLink(self._clock, self._patience)
        async with aclosing(self._watching.watch(log, watcher.customer_id, position, options)) as events:
            async for after, event in events:
                cursor = self._cursors.seal(log, after)
                message = _message(log, event) + delimited(_CURSOR, cursor.encode())
                if not link.hand(len(message)):
                    watcher.leave_plain()
                yield message
                if link.is_too_slow():
                    raise WatcherTooSlow(cursor)
                if isinstance(event, CaughtUp):
                    link.caught_up()

    async def _start(self, log: LogId, request: pb.WatchRequest) -> Position:
        start: Position | datetime | None = None
        if request.HasField("cursor"):
            start = self._cursors.open(log, request.cursor)
        elif request.HasField("start_time"):
            start = instant(request.start_time)
        try:
            return await self._watching.start_at(log, start)
        except PositionLost:
            raise self._cursors.expired(log) from None


def _heartbeat(request: pb.WatchRequest) -> float:
    least, usual, most = HEARTBEAT_SECONDS
    if not request.HasField("heartbeat_interval"):
        return usual
    return min(most, max(least, request.heartbeat_interval.ToTimedelta().total_seconds()))


def _message(log: LogId, event: Event) -> bytes:
    """The message of an event, without its cursor: fields of a message may be put one after the other."""
    match event:
        case list():
            if len(event) == 1:
                return delimited(_ENTRY, event[0].data)
            return delimited(_BATCH, b"".join([delimited(_BATCHED, entry.data) for entry in event]))
        case Spoken():
            shown = event.conversation_id if log.kind is LogKind.FEED else ""
            return pb.WatchResponse(conversation_id=shown, live=event.speech).SerializeToString()
        case Deleted():
            return pb.WatchResponse(
                conversation_id=event.conversation_id, deleted=pb.ConversationDeleted()
            ).SerializeToString()
        case CaughtUp():
            return pb.WatchResponse(caught_up=pb.CaughtUp()).SerializeToString()
        case Heartbeat():
            return pb.WatchResponse(heartbeat=pb.Heartbeat(time=timestamp(event.time))).SerializeToString()
        case Ending():
            return pb.WatchResponse(end=pb.WatchEnd(reason=_END_REASONS[event])).SerializeToString()
