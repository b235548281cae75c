"""Watcher: follows conversations across restarts, and yields each entry once, in order."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Any, TypeAlias

import grpc
from google.protobuf import message_factory
from grpc import StatusCode

from readback_client.backoff import Backoff
from readback_client.errors import ErrorDetails
from readback_client.live_texts import LiveTexts

Call: TypeAlias = "grpc.aio.UnaryStreamCall[Any, Any]"
OpenStream = Callable[[Any], Awaitable[Call]]
"""Opens `Watch` with a request and a token that is valid now."""
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
_FINAL_REASONS = {"WATCH_END_REASON_CONVERSATION_ENDED", "WATCH_END_REASON_CONVERSATION_DELETED"}
RETRIED = {
    StatusCode.UNAVAILABLE,
    StatusCode.RESOURCE_EXHAUSTED,
    StatusCode.DEADLINE_EXCEEDED,
    StatusCode.CANCELLED,
    StatusCode.INTERNAL,
    StatusCode.UNKNOWN,
}
"""Status codes after which the stream is opened again."""

_log = logging.getLogger(__name__)


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
async def resuming_watch(
    open_stream: OpenStream,
    request: Any,
    *,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
    from_earliest: bool = False,
    on_connection: Callable[[Connection], None] = lambda _: None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[AsyncIterator[Any]]:
    """Follow what `request`, an official `WatchRequest`, asks for; yield official `WatchResponse`s.

        async with resuming_watch(…) as events:
            async for event in events: …

    Yields each entry as one event. If asked for, also yields live text, always whole, and the conversations
    themselves. Yields `deleted` when all conversations are followed, and `caught_up` once. The last event is
    an `end`, whose reason says that the conversation has ended or was deleted. Heartbeats are not yielded. To
    resume later, save the last non-empty cursor. If several entries arrive in one message, only the last of
    them has a cursor.

    Reconnects and continues after the last cursor when the service drains, can't be reached or sends nothing,
    when this reader is too slow, or when the token has expired (`open_stream` brings a fresh one). Holds one
    message at a time, so a slow reader slows down the service.

    Args:
        from_earliest: if the cursor has expired, continue from the earliest stored entry.
        on_connection: called when the connection changes.

    Raises:
        CursorExpired: the cursor has expired, and `from_earliest` is False.
        grpc.aio.AioRpcError: the service answered with an error that is not retried, such as NOT_FOUND.
    """
    request.heartbeat_interval.FromTimedelta(timedelta(seconds=heartbeat_seconds))
    silence = MISSED_HEARTBEATS * heartbeat_seconds
    watcher = _Watcher(open_stream, request, silence, on_connection, from_earliest, sleep)
    async with aclosing(watcher.events()) as events:
        yield events


@dataclass
class _Watcher:
    _open_stream: OpenStream
    _request: Any
    _silence: float
    """Seconds without a message after which the stream counts as dead."""
    _on_connection: Callable[[Connection], None]
    _from_earliest: bool
    _sleep: Callable[[float], Awaitable[None]]
    _backoff: Backoff = field(default_factory=lambda: Backoff(LONGEST_PAUSE_SECONDS))
    _last_numbers: OrderedDict[str, int] = field(default_factory=OrderedDict)
    _live: LiveTexts = field(default_factory=LiveTexts)
    _caught_up: bool = False
    _ended: bool = False
    _was_connected: bool = False
    _lost: bool = False
    _refused_tokens: int = 0

    async def events(self) -> AsyncGenerator[Any]:
        while True:
            asked, self._live = None, LiveTexts()
            try:
                async with _closing(await self._open_stream(self._request)) as call:
                    async for response in self._read(call):
                        if self._is_new_event(response):
                            yield response
            except grpc.aio.AioRpcError as error:
                if self._was_deleted(error):
                    yield self._deletion()
                    return
                self._prepare_retry(error)
                asked = ErrorDetails.of(error).retry_after
            except TimeoutError:
                self._disconnected("SILENT")
            if self._ended:
                return
            await self._sleep(self._backoff.pause(asked))

    async def _read(self, call: Call) -> AsyncGenerator[Any]:
        while True:
            async with asyncio.timeout(self._silence):
                response: Any = await call.read()
            if response is grpc.aio.EOF:
                return
            self._connected()
            if response.cursor:
                self._request.cursor = response.cursor
            for event in _split(response):
                yield event

    def _is_new_event(self, response: Any) -> bool:
        match response.WhichOneof("event"):
            case "entry":
                self._live.close(response.entry.entry_id)
                return self._is_new_entry(response.entry)
            case "live":
                return self._live.complete(response.live)
            case "caught_up":
                known, self._caught_up = self._caught_up, True
                return not known
            case "deleted":
                self._last_numbers.pop(response.deleted.conversation_id, None)
                return True
            case "end":
                self._ended = _name_of(response.end, "reason") in _FINAL_REASONS
                return self._ended
            case event:
                return bool(event == "conversation")

    def _is_new_entry(self, entry: Any) -> bool:
        number: int = entry.number
        last = self._last_numbers.pop(entry.conversation_id, 0)
        self._last_numbers[entry.conversation_id] = max(last, number)
        if len(self._last_numbers) > REMEMBERED:
            self._last_numbers.popitem(last=False)
        return number > last

    def _connected(self) -> None:
        self._backoff.reset()
        self._was_connected, self._refused_tokens = True, 0
        if self._lost:
            self._lost = False
            self._on_connection(Connection.RESUMED)

    def _disconnected(self, why: str) -> None:
        _log.info("watch broken: %s", why)
        if not self._lost:
            self._lost = True
            self._on_connection(Connection.LOST)

    def _was_deleted(self, error: grpc.aio.AioRpcError) -> bool:
        """Return whether the followed conversation was deleted while the connection was down."""
        found_before = self._was_connected and self._request.conversation_id
        return bool(found_before) and error.code() is grpc.StatusCode.NOT_FOUND

    def _deletion(self) -> Any:
        """Return the event of a deleted conversation."""
        response: Any = message_factory.GetMessageClass(
            self._request.DESCRIPTOR.file.message_types_by_name["WatchResponse"]
        )()
        reason = response.end.DESCRIPTOR.fields_by_name["reason"].enum_type
        response.end.reason = reason.values_by_name["WATCH_END_REASON_CONVERSATION_DELETED"].number
        return response

    def _prepare_retry(self, error: grpc.aio.AioRpcError) -> None:
        """Prepare another attempt.

        Raises:
            CursorExpired: the cursor has expired, and `from_earliest` is False.
            grpc.aio.AioRpcError: a retry would not help.
        """
        info = ErrorDetails.of(error).info
        if info.reason == "CURSOR_EXPIRED":
            self._rewind(info.metadata.get("earliest_cursor", ""))
            return
        if error.code() is grpc.StatusCode.UNAUTHENTICATED:
            self._refused_tokens += 1
            if self._refused_tokens >= MAX_REFUSED_TOKENS:
                raise error
        elif error.code() not in RETRIED:
            raise error
        # The error for a slow reader has a cursor after the last message sent. Ours is after the last message
        # received, and messages between the two may be lost.
        self._disconnected(info.reason or error.code().name)

    def _rewind(self, earliest: str) -> None:
        if not self._from_earliest:
            raise CursorExpired(earliest)
        self._last_numbers.clear()
        self._request.ClearField("start")
        if earliest:
            self._request.cursor = earliest
        self._on_connection(Connection.REWOUND)


def _split(response: Any) -> Iterator[Any]:
    """Yield one message for each entry of a response. Only the last one has the cursor."""
    if not response.HasField("entries"):
        yield response
        return
    *before, last = response.entries.entries
    for entry in before:
        yield type(response)(entry=entry)
    yield type(response)(cursor=response.cursor, entry=last)


def _name_of(message: Any, field: str) -> str:
    """Return the name of an enum field's value; empty for a value of a later version."""
    value = message.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number.get(getattr(message, field))
    return value.name if value else ""


@asynccontextmanager
async def _closing(
    call: Call,
) -> AsyncIterator[Call]:
    try:
        yield call
    finally:
        call.cancel()  # leaving the loop early would keep the server's handler running
