"""Following conversations across restarts: each entry once, in order, however often the stream has to be opened again."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

import grpc
import structlog
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.channel import streaming
from mesh.clock import Clock, SystemClock
from mesh.errors import metadata_of, reason_of, retry_after_of
from services.conversation.client.backoff import Backoff
from services.conversation.client.errors import CursorExpired
from services.conversation.entries import timestamp

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

HEARTBEAT_SECONDS = 5.0
SILENCES = 3
"""Heartbeats that may fail to come before the stream is taken for dead."""
LONGEST_PAUSE_SECONDS = 3.0
"""Between attempts: longer than a writer's, since a service that comes back is met by all of its watchers."""
REMEMBERED = 1024
"""Conversations of which the last entry's number is kept while all are followed."""
AGAIN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
}
"""Answers after which the stream is opened again."""
MAX_REFUSED_TOKENS = 3
"""How often in a row a token may be refused: one may expire on its way, three are no accident."""
_OVER = {pb.STREAM_END_REASON_CONVERSATION_ENDED, pb.STREAM_END_REASON_CONVERSATION_DELETED}

_log = structlog.get_logger()


class Connection(Enum):
    """What became of the line to the service."""

    LOST = "lost"
    """The stream broke, or fell silent; it is tried again."""
    RESUMED = "resumed"
    """The service answers again, from where it was."""
    REWOUND = "rewound"
    """What the cursor stood on is gone; it goes on from the earliest entry that is left."""


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
    noticing: Callable[[Connection], None] = lambda _: None,
    clock: Clock | None = None,
) -> AsyncIterator[AsyncIterator[pb.WatchResponse]]:
    """Events of a conversation, or of all for an empty id: `async with watch(…) as events: async for event in events`.

    Hands out entries one by one, live text (if asked for), `deleted` (when all are followed), `caught_up` once and at last `end`, whose
    reason says whether the conversation has ended or was deleted; heartbeats are kept back. A cursor to keep is the last one that was not
    empty: of entries that came together only the last has one.

    Resumes from there when the service drains, can't be reached, falls silent, finds this reader too slow, or wants a fresh token (which
    the stub's channel gets); `noticing` hears of it. One message at a time is held, so that a slow reader slows the service's sending
    and nothing here. Iterating raises `CursorExpired` unless it may go on `from_earliest`, and `grpc.aio.AioRpcError` for what no
    other attempt would change, such as NOT_FOUND.
    """
    request = pb.WatchRequest(conversation_id=conversation_id, include_live=include_live)
    request.heartbeat_interval.FromTimedelta(timedelta(seconds=heartbeat_seconds))
    if speakers or kinds:
        request.filter.CopyFrom(pb.EntryFilter(speakers=speakers, kinds=kinds))
    if cursor:
        request.cursor = cursor
    elif start_time is not None:
        request.start_time.CopyFrom(timestamp(start_time))
    watcher = _Watcher(
        stub,
        request,
        SILENCES * heartbeat_seconds,
        noticing,
        clock or SystemClock(),
        from_earliest=from_earliest,
    )
    async with aclosing(watcher.events()) as events:
        yield events


class _Watcher:
    def __init__(
        self,
        stub: ConversationServiceAsyncStub,
        request: pb.WatchRequest,
        silence: float,
        noticing: Callable[[Connection], None],
        clock: Clock,
        *,
        from_earliest: bool,
    ) -> None:
        self._stub, self._request, self._silence, self._clock = stub, request, silence, clock
        self._notice, self._from_earliest = noticing, from_earliest
        self._backoff = Backoff(LONGEST_PAUSE_SECONDS)
        self._last_numbers: OrderedDict[str, int] = OrderedDict()
        self._caught_up = self._ended = self._heard_once = self._lost = False
        self._refused_tokens = 0

    async def events(self) -> AsyncGenerator[pb.WatchResponse]:
        while True:
            asked = None
            try:
                async with streaming(self._stub.Watch(self._request)) as call:
                    async for response in self._heard(call):
                        if self._is_news(response):
                            yield response
            except grpc.aio.AioRpcError as error:
                if (
                    self._heard_once
                    and self._request.conversation_id
                    and error.code() is grpc.StatusCode.NOT_FOUND
                ):
                    # It was there before: it was deleted while the line was down.
                    yield pb.WatchResponse(end=pb.WatchEnd(reason=pb.STREAM_END_REASON_CONVERSATION_DELETED))
                    return
                self._bear(error)
                asked = retry_after_of(error)
            except TimeoutError:
                self._break("SILENT")
            if self._ended:
                return
            await self._clock.sleep(self._backoff.pause(asked))

    async def _heard(
        self, call: grpc.aio.UnaryStreamCall[pb.WatchRequest, pb.WatchResponse]
    ) -> AsyncGenerator[pb.WatchResponse]:
        while True:
            async with asyncio.timeout(self._silence):
                response = await call.read()
            if response is grpc.aio.EOF:
                return
            assert isinstance(response, pb.WatchResponse)
            self._mend()
            if response.cursor:
                self._request.cursor = response.cursor
            for event in _apart(response):
                yield event

    def _is_news(self, response: pb.WatchResponse) -> bool:
        match response.WhichOneof("event"):
            case "entry":
                return self._is_next(response.entry)
            case "caught_up":
                known, self._caught_up = self._caught_up, True
                return not known
            case "deleted":
                self._last_numbers.pop(response.conversation_id, None)
                return True
            case "end":
                self._ended = response.end.reason in _OVER
                return self._ended
            case event:
                return event == "live"

    def _is_next(self, entry: entry_pb2.Entry) -> bool:
        """Whether an entry was not handed out before."""
        last = self._last_numbers.pop(entry.conversation_id, 0)
        self._last_numbers[entry.conversation_id] = max(last, entry.number)
        if len(self._last_numbers) > REMEMBERED:
            self._last_numbers.popitem(last=False)
        return entry.number > last

    def _mend(self) -> None:
        self._backoff.reset()
        self._heard_once, self._refused_tokens = True, 0
        if self._lost:
            self._lost = False
            self._notice(Connection.RESUMED)

    def _break(self, why: str) -> None:
        _log.info("the watch broke", conversation_id=self._request.conversation_id, why=why)
        if not self._lost:
            self._lost = True
            self._notice(Connection.LOST)

    def _bear(self, error: grpc.aio.AioRpcError) -> None:
        """Gets ready for another attempt.

        Raises:
            CursorExpired: there is nothing to go on from.
            grpc.aio.AioRpcError: none would help.
        """
        if reason_of(error) == "ERROR_REASON_CURSOR_EXPIRED":
            self._rewind(metadata_of(error).get("earliest_cursor", ""))
            return
        if error.code() is grpc.StatusCode.UNAUTHENTICATED:
            self._refused_tokens += 1
            if self._refused_tokens >= MAX_REFUSED_TOKENS:
                raise error
        elif error.code() not in AGAIN:
            raise error
        # Who reads too slowly is told a cursor, too: after what was sent. Ours is after what came out here, and some may be lost between.
        self._break(reason_of(error) or error.code().name)

    def _rewind(self, earliest: str) -> None:
        if not self._from_earliest:
            raise CursorExpired(earliest)
        self._last_numbers.clear()
        self._request.ClearField("start")
        if earliest:
            self._request.cursor = earliest
        self._notice(Connection.REWOUND)


def _apart(response: pb.WatchResponse) -> Iterator[pb.WatchResponse]:
    """Entries that came in one message as messages of their own; the cursor, which stands after the last, goes with the last."""
    if not response.HasField("entries"):
        yield response
        return
    *before, last = response.entries.entries
    for entry in before:
        yield pb.WatchResponse(entry=entry)
    yield pb.WatchResponse(cursor=response.cursor, entry=last)
