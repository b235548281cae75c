"""Following a conversation across restarts: each entry once, in order, however often the stream has to be opened again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import grpc
import structlog
from google.protobuf.duration_pb2 import Duration
from readback.conversation.v1 import conversation_service_pb2 as pb

from mesh.channel import streaming
from mesh.clock import Clock, SystemClock
from services.conversation.client.backoff import Backoff
from services.conversation.entries import timestamp

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

HEARTBEAT_SECONDS = 5.0
SILENCES = 3
"""Heartbeats that may fail to come before the stream is taken for dead."""
_AGAIN = {
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

_log = structlog.get_logger()


@asynccontextmanager
async def watch(
    stub: ConversationServiceAsyncStub,
    conversation_id: str,
    *,
    cursor: str = "",
    start_time: datetime | None = None,
    include_live: bool = False,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
    clock: Clock | None = None,
) -> AsyncIterator[AsyncIterator[pb.WatchResponse]]:
    """Events of a conversation, for `async with watch(…) as events: async for event in events`.

    Hands out entries one by one, live text (if asked for), `caught_up` once and at last `end`; heartbeats are kept back. A cursor to keep
    is the last one that was not empty: of entries that came together only the last has one. Resumes from there when the service drains,
    can't be reached, falls silent, or wants a fresh token (which the stub's channel gets). Iterating raises `grpc.aio.AioRpcError` for
    what no other attempt would change, such as NOT_FOUND.
    """
    request = pb.WatchRequest(conversation_id=conversation_id, include_live=include_live)
    heartbeat = Duration()
    heartbeat.FromTimedelta(timedelta(seconds=heartbeat_seconds))
    request.heartbeat_interval.CopyFrom(heartbeat)
    if cursor:
        request.cursor = cursor
    elif start_time is not None:
        request.start_time.CopyFrom(timestamp(start_time))
    watcher = _Watcher(stub, request, SILENCES * heartbeat_seconds, clock or SystemClock())
    async with aclosing(watcher.events()) as events:
        yield events


class _Watcher:
    def __init__(self, stub: ConversationServiceAsyncStub, request: pb.WatchRequest, silence: float, clock: Clock) -> None:
        self._stub, self._request, self._silence, self._clock = stub, request, silence, clock
        self._backoff = Backoff()
        self._last_number = 0
        self._caught_up = self._ended = False
        self._refused_tokens = 0

    async def events(self) -> AsyncGenerator[pb.WatchResponse]:
        while True:
            try:
                async with streaming(self._stub.Watch(self._request)) as call:
                    async for response in self._heard(call):
                        if self._is_news(response):
                            yield response
            except grpc.aio.AioRpcError as error:
                if not self._again(error):
                    raise
                _log.info("the watch broke", conversation_id=self._request.conversation_id, code=error.code().name)
            except TimeoutError:
                _log.info("the watch fell silent", conversation_id=self._request.conversation_id)
            if self._ended:
                return
            await self._clock.sleep(self._backoff.pause())

    async def _heard(self, call: grpc.aio.UnaryStreamCall[pb.WatchRequest, pb.WatchResponse]) -> AsyncGenerator[pb.WatchResponse]:
        while True:
            async with asyncio.timeout(self._silence):
                response = await call.read()
            if response is grpc.aio.EOF:
                return
            assert isinstance(response, pb.WatchResponse)
            self._backoff.reset()
            self._refused_tokens = 0
            if response.cursor:
                self._request.cursor = response.cursor
            for event in _apart(response):
                yield event

    def _is_news(self, response: pb.WatchResponse) -> bool:
        match response.WhichOneof("event"):
            case "entry":
                known = response.entry.number <= self._last_number
                self._last_number = max(self._last_number, response.entry.number)
                return not known
            case "caught_up":
                known, self._caught_up = self._caught_up, True
                return not known
            case "end":
                self._ended = response.end.reason == pb.STREAM_END_REASON_CONVERSATION_ENDED
                return self._ended
            case event:
                return event == "live"

    def _again(self, error: grpc.aio.AioRpcError) -> bool:
        if error.code() is grpc.StatusCode.UNAUTHENTICATED:
            self._refused_tokens += 1
            return self._refused_tokens < MAX_REFUSED_TOKENS
        return error.code() in _AGAIN


def _apart(response: pb.WatchResponse) -> Iterator[pb.WatchResponse]:
    """Entries that came in one message as messages of their own; the cursor, which stands after the last, goes with the last."""
    if not response.HasField("entries"):
        yield response
        return
    *before, last = response.entries.entries
    for entry in before:
        yield pb.WatchResponse(entry=entry)
    yield pb.WatchResponse(cursor=response.cursor, entry=last)
