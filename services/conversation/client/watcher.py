"""Watcher: follows conversations across restarts, and yields each entry once, in order."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

import grpc
import structlog
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.calling.channel import streaming
from mesh.clock import Clock, SystemClock
from mesh.errors import metadata_of, reason_of, retry_after_of
from services.conversation.client.retry_policy import WATCH_RETRIED, Backoff
from services.conversation.model.times import timestamp

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

HEARTBEAT_SECONDS = 5.0
MISSED_HEARTBEATS = 3
"""Missing heartbeats after which the stream counts as dead."""
LONGEST_PAUSE_SECONDS = 3.0
"""Longest pause between attempts. It is longer than a recorder's, because after a restart of the service all
watchers retry."""
REMEMBERED = 1024
"""Most conversations whose last entry number the watcher remembers."""
MAX_REFUSED_TOKENS = 3
"""Refused tokens in a row after which the watch ends with an error. One token may expire while it is sent,
but not three in a row."""
_FINAL_REASONS = {pb.STREAM_END_REASON_CONVERSATION_ENDED, pb.STREAM_END_REASON_CONVERSATION_DELETED}

_log = structlog.get_logger()


class CursorExpired(Exception):
    """The cursor's position no longer exists, because the database was replaced or entries were deleted."""

    def __init__(self, earliest_cursor: str) -> None:
        super().__init__("The cursor has expired; follow from the earliest cursor, or from a time.")
        self.earliest_cursor = earliest_cursor
        """Cursor before the earliest stored entry; empty to follow from the beginning."""


class Connection(Enum):
    """Change of the connection to the service."""

    LOST = "lost"
    """The stream broke, or sent no message for too long; the watcher retries."""
    RESUMED = "resumed"
    """The service answers again; the watch continues after the last received event."""
    REWOUND = "rewound"
    """The cursor's position no longer exists; the watch continues from the earliest stored entry."""


@asynccontextmanager
async def watch(
    stub: ConversationServiceAsyncStub,
    conversation_id: str = "",
    *,
    cursor: str = "",
    start_time: datetime | None = None,
    speakers: Sequence[entry_pb2.Speaker.ValueType] = (),
    kinds: Sequence[pb.EntryKind.ValueType] = (),
    include_live: bool = False,
    from_earliest: bool = False,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
    on_connection: Callable[[Connection], None] = lambda _: None,
    clock: Clock | None = None,
) -> AsyncIterator[AsyncIterator[pb.WatchResponse]]:
    """Follow a conversation, or all of them if the id is empty.

        async with watch(…) as events:
            async for event in events: …

    Yields each entry as one event. Also yields live text if `include_live`, `deleted` when all conversations
    are followed, and `caught_up` once. The last event is an `end`, whose reason says that the conversation
    has ended or was deleted. Heartbeats are not yielded. To resume later, save the last non-empty cursor.
    If several entries arrive in one message, only the last of them has a cursor.

    Reconnects and continues after the last cursor when the service drains, can't be reached or sends nothing,
    when this reader is too slow, or when the token has expired (the stub's channel renews it). Holds one
    message at a time, so a slow reader slows down the service.

    Args:
        from_earliest: if the cursor has expired, continue from the earliest stored entry.
        on_connection: called when the connection changes.

    Raises:
        CursorExpired: the cursor has expired, and `from_earliest` is False.
        grpc.aio.AioRpcError: the service answered with an error that is not retried, such as NOT_FOUND.
    """
    request = pb.WatchRequest(conversation_id=conversation_id, include_live=include_live)
    request.heartbeat_interval.FromTimedelta(timedelta(seconds=heartbeat_seconds))
    if speakers or kinds:
        request.filter.CopyFrom(pb.EntryFilter(speakers=speakers, kinds=kinds))
    if cursor:
        request.cursor = cursor
    elif start_time is not None:
        request.start_time.CopyFrom(timestamp(start_time))
    silence = MISSED_HEARTBEATS * heartbeat_seconds
    watcher = _Watcher(stub, request, silence, on_connection, from_earliest, clock or SystemClock())
    async with aclosing(watcher.events()) as events:
        yield events


@dataclass
class _Watcher:
    _stub: ConversationServiceAsyncStub
    _request: pb.WatchRequest
    _silence: float
    """Seconds without a message after which the stream counts as dead."""
    _on_connection: Callable[[Connection], None]
    _from_earliest: bool
    _clock: Clock
    _backoff: Backoff = field(default_factory=lambda: Backoff(LONGEST_PAUSE_SECONDS))
    _last_numbers: OrderedDict[str, int] = field(default_factory=OrderedDict)
    _caught_up: bool = False
    _ended: bool = False
    _was_connected: bool = False
    _lost: bool = False
    _refused_tokens: int = 0

    async def events(self) -> AsyncGenerator[pb.WatchResponse]:
        while True:
            asked = None
            try:
                async with streaming(self._stub.Watch(self._request)) as call:
                    async for response in self._read(call):
                        if self._is_new_event(response):
                            yield response
            except grpc.aio.AioRpcError as error:
                if self._was_deleted(error):
                    yield pb.WatchResponse(end=pb.WatchEnd(reason=pb.STREAM_END_REASON_CONVERSATION_DELETED))
                    return
                self._prepare_retry(error)
                asked = retry_after_of(error)
            except TimeoutError:
                self._disconnected("SILENT")
            if self._ended:
                return
            await self._clock.sleep(self._backoff.pause(asked))

    async def _read(
        self, call: grpc.aio.UnaryStreamCall[pb.WatchRequest, pb.WatchResponse]
    ) -> AsyncGenerator[pb.WatchResponse]:
        while True:
            async with asyncio.timeout(self._silence):
                response = await call.read()
            if response is grpc.aio.EOF:
                return
            assert isinstance(response, pb.WatchResponse)
            self._connected()
            if response.cursor:
                self._request.cursor = response.cursor
            for event in _split(response):
                yield event

    def _is_new_event(self, response: pb.WatchResponse) -> bool:
        match response.WhichOneof("event"):
            case "entry":
                return self._is_new_entry(response.entry)
            case "caught_up":
                known, self._caught_up = self._caught_up, True
                return not known
            case "deleted":
                self._last_numbers.pop(response.conversation_id, None)
                return True
            case "end":
                self._ended = response.end.reason in _FINAL_REASONS
                return self._ended
            case event:
                return event == "live"

    def _is_new_entry(self, entry: entry_pb2.Entry) -> bool:
        last = self._last_numbers.pop(entry.conversation_id, 0)
        self._last_numbers[entry.conversation_id] = max(last, entry.number)
        if len(self._last_numbers) > REMEMBERED:
            self._last_numbers.popitem(last=False)
        return entry.number > last

    def _connected(self) -> None:
        self._backoff.reset()
        self._was_connected, self._refused_tokens = True, 0
        if self._lost:
            self._lost = False
            self._on_connection(Connection.RESUMED)

    def _disconnected(self, why: str) -> None:
        _log.info("watch broken", conversation_id=self._request.conversation_id, why=why)
        if not self._lost:
            self._lost = True
            self._on_connection(Connection.LOST)

    def _was_deleted(self, error: grpc.aio.AioRpcError) -> bool:
        """Return whether the followed conversation was deleted while the connection was down."""
        found_before = self._was_connected and self._request.conversation_id
        return bool(found_before) and error.code() is grpc.StatusCode.NOT_FOUND

    def _prepare_retry(self, error: grpc.aio.AioRpcError) -> None:
        """Prepare another attempt.

        Raises:
            CursorExpired: the cursor has expired, and `from_earliest` is False.
            grpc.aio.AioRpcError: a retry would not help.
        """
        if reason_of(error) == "CURSOR_EXPIRED":
            self._rewind(metadata_of(error).get("earliest_cursor", ""))
            return
        if error.code() is grpc.StatusCode.UNAUTHENTICATED:
            self._refused_tokens += 1
            if self._refused_tokens >= MAX_REFUSED_TOKENS:
                raise error
        elif error.code() not in WATCH_RETRIED:
            raise error
        # The error for a slow reader has a cursor after the last message sent. Ours is after the last message
        # received, and messages between the two may be lost.
        self._disconnected(reason_of(error) or error.code().name)

    def _rewind(self, earliest: str) -> None:
        if not self._from_earliest:
            raise CursorExpired(earliest)
        self._last_numbers.clear()
        self._request.ClearField("start")
        if earliest:
            self._request.cursor = earliest
        self._on_connection(Connection.REWOUND)


def _split(response: pb.WatchResponse) -> Iterator[pb.WatchResponse]:
    """Yield one message for each entry of a response. Only the last one has the cursor."""
    if not response.HasField("entries"):
        yield response
        return
    *before, last = response.entries.entries
    for entry in before:
        yield pb.WatchResponse(entry=entry)
    yield pb.WatchResponse(cursor=response.cursor, entry=last)
