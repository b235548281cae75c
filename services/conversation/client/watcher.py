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
"""Longest pause between attempts: longer than a recorder's, because all watchers retry after a restart."""
REMEMBERED = 1024
"""Most conversations whose last entry number is kept while all conversations are followed."""
MAX_REFUSED_TOKENS = 3
"""Refused tokens in a row before the watch gives up: one may expire on its way, three are no accident."""
_FINAL_REASONS = {pb.STREAM_END_REASON_CONVERSATION_ENDED, pb.STREAM_END_REASON_CONVERSATION_DELETED}

_log = structlog.get_logger()


class CursorExpired(Exception):
    """The position of the cursor is gone: the database was replaced, or entries were deleted."""

    def __init__(self, earliest_cursor: str) -> None:
        super().__init__("The cursor's position is gone; follow from the earliest cursor, or from a time.")
        self.earliest_cursor = earliest_cursor
        """Cursor before the oldest entry that is left; empty for the beginning."""


class Connection(Enum):
    """Change of the connection to the service."""

    LOST = "lost"
    """The stream broke or fell silent; the watcher retries."""
    RESUMED = "resumed"
    """The service answers again; the watch continues where it was."""
    REWOUND = "rewound"
    """The position of the cursor is gone; the watch continues from the earliest entry that is left."""


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

    Yields entries one by one, live text (if asked for), `deleted` (when all are followed), `caught_up` once,
    and at last an `end` whose reason says that the conversation has ended or was deleted. Heartbeats are left
    out. The cursor to keep is the last non-empty one: of entries that came in one message only the last has
    one.

    Resumes from there when the service drains, can't be reached or falls silent, when this reader is too
    slow, or when the token must be renewed (the stub's channel does that). One message at a time is held, so
    a slow reader makes the service send slowly.

    Args:
        from_earliest: continue from the earliest entry that is left when the cursor has expired.
        on_connection: called when the connection changes.

    Raises:
        CursorExpired: unless `from_earliest`.
        grpc.aio.AioRpcError: an answer that is not retried, such as NOT_FOUND.
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
        """Return whether the conversation was there before, and was deleted while the connection was down."""
        found_before = self._was_connected and self._request.conversation_id
        return bool(found_before) and error.code() is grpc.StatusCode.NOT_FOUND

    def _prepare_retry(self, error: grpc.aio.AioRpcError) -> None:
        """Prepare another attempt.

        Raises:
            CursorExpired: the watch may not continue from the earliest entry.
            grpc.aio.AioRpcError: a retry would not help.
        """
        if reason_of(error) == "ERROR_REASON_CURSOR_EXPIRED":
            self._rewind(metadata_of(error).get("earliest_cursor", ""))
            return
        if error.code() is grpc.StatusCode.UNAUTHENTICATED:
            self._refused_tokens += 1
            if self._refused_tokens >= MAX_REFUSED_TOKENS:
                raise error
        elif error.code() not in WATCH_RETRIED:
            raise error
        # The error for a slow reader carries a cursor after what was sent. Ours is after what arrived, and
        # some may be lost between.
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
    """Yield entries that came in one message as one message each; the last one carries the cursor."""
    if not response.HasField("entries"):
        yield response
        return
    *before, last = response.entries.entries
    for entry in before:
        yield pb.WatchResponse(entry=entry)
    yield pb.WatchResponse(cursor=response.cursor, entry=last)
