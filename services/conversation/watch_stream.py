"""The `Watch` stream: a watcher's events as messages, each with the cursor from which to resume."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime

from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from services.conversation.cursors import Cursors, Position
from services.conversation.entries import entry_message, instant, timestamp
from services.conversation.records import StoredEntry
from services.conversation.watching import CaughtUp, Ending, Event, Heartbeat, Watching, WatchOptions

HEARTBEAT_SECONDS = (1.0, 5.0, 60.0)
"""The shortest silence before a heartbeat, the usual one, the longest."""

_END_REASONS = {
    Ending.DRAINING: pb.STREAM_END_REASON_DRAINING,
    Ending.TOKEN_EXPIRED: pb.STREAM_END_REASON_TOKEN_EXPIRED,
    Ending.CONVERSATION_ENDED: pb.STREAM_END_REASON_CONVERSATION_ENDED,
}


class WatchStreams:
    """Serves `Watch`."""

    def __init__(self, watching: Watching, cursors: Cursors) -> None:
        self._watching, self._cursors = watching, cursors

    async def watch(self, request: pb.WatchRequest, expires_at: datetime) -> AsyncGenerator[pb.WatchResponse]:
        """One stream, of a conversation that the caller may read.

        Raises:
            CursorInvalid: the cursor says nothing about this log.
        """
        conversation_id = request.conversation_id.lower()
        position = await self._watching.start_at(conversation_id, self._start(request))
        options = WatchOptions(_heartbeat(request), request.include_live, expires_at)
        async with aclosing(self._watching.watch(conversation_id, position, options)) as events:
            async for after, event in events:
                response = _message(conversation_id, event)
                response.cursor = self._cursors.seal(conversation_id, after)
                yield response

    def _start(self, request: pb.WatchRequest) -> Position | datetime | None:
        match request.WhichOneof("start"):
            case "cursor":
                return self._cursors.open(request.conversation_id, request.cursor)
            case "start_time":
                return instant(request.start_time)
            case _:
                return None


def _heartbeat(request: pb.WatchRequest) -> float:
    least, usual, most = HEARTBEAT_SECONDS
    if not request.HasField("heartbeat_interval"):
        return usual
    return min(most, max(least, request.heartbeat_interval.ToTimedelta().total_seconds()))


def _message(conversation_id: str, event: Event) -> pb.WatchResponse:
    match event:
        case StoredEntry():
            return pb.WatchResponse(entry=entry_message(conversation_id, event))
        case entry_pb2.OpenUtterance():
            return pb.WatchResponse(live=event)
        case CaughtUp():
            return pb.WatchResponse(caught_up=pb.CaughtUp())
        case Heartbeat():
            return pb.WatchResponse(heartbeat=pb.Heartbeat(time=timestamp(event.time)))
        case Ending():
            return pb.WatchResponse(end=pb.WatchEnd(reason=_END_REASONS[event]))
