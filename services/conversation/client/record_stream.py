"""The recorder's connection: one `Record` stream after another, until the call is over for this writer.

Waiting drafts are sent in batches, and at most `WINDOW` batches are unacknowledged. When a stream breaks (the
service restarts, drains or loses its store, or the network drops packets), the next stream starts with the
unacknowledged drafts.

One bad draft must not stop the drafts after it. When the service fails several times in a row
(`RECORD_FAILED`), drafts are sent one by one. If the service then fails to process a draft, this draft is
skipped. Once the service stores another draft, the skipped one is set aside. A late append tries it again.

    CallOver            the call is over for this writer
    ├── CallLost        another agent has the call, or the outbox is full: stop speaking and don't come back
    └── CallEnded       the call has ended: leave
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import grpc
import structlog
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record
from readback_client.backoff import Backoff

from mesh.calling.channel import streaming
from mesh.clock import Clock
from mesh.errors import reason_of, retry_after_of
from services.conversation.client.outbox import Outbox
from services.conversation.client.retry_policy import RECORD_FAILED, RECORD_FATAL

if TYPE_CHECKING:
    from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceAsyncStub

BATCH = 64
"""Most drafts in one message."""
WINDOW = 8
"""Most unacknowledged messages; until one is acknowledged, new drafts gather in the outbox."""
ANSWER_WITHIN_SECONDS = 10.0
"""Time without an answer after which the stream counts as dead.
It is shorter than the keepalive needs to detect a dead connection."""
FAILURES = 8
"""Failures in a row (about two seconds) before drafts are sent one by one."""
REFUSED_TOKENS = 5
"""Refused tokens in a row after which the recorder can't take the call. Once it has the call, it
retries without limit."""

_log = structlog.get_logger()


class CallOver(Exception):
    """The call is over for this writer."""


class CallLost(CallOver):
    """Another agent has the call, or the outbox is full: stop speaking and don't come back."""


class CallEnded(CallOver):
    """The call has ended: leave."""


class RecordStream:
    """A stream that sends the drafts of an outbox, and is opened again when it breaks.

    To disconnect, cancel the task of `run`.
    """

    def __init__(
        self,
        stub: CallRecordServiceAsyncStub,
        opening: call_record.RecordOpen,
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._stub, self._opening, self._outbox, self._clock = stub, opening, outbox, clock
        self._log = _log.bind(call_id=opening.call_id)
        self._wake = asyncio.Event()
        self._closing: entry_pb2.CallEndReason.ValueType | None = None
        self._in_flight: deque[int] = deque()
        """Last client sequence of each unacknowledged message."""
        self._failures = 0
        self._answer_timeout: asyncio.Timeout | None = None
        self.opened: asyncio.Future[call_record.RecordOpened] = loop.create_future()
        """The service's first answer to the opening."""
        self.over: asyncio.Future[CallOver] = loop.create_future()
        """Reason why the call is over for this writer; pending until then."""

    def wake(self) -> None:
        """Make the stream check the outbox and `close` again."""
        self._wake.set()

    def close(self, reason: entry_pb2.CallEndReason.ValueType) -> None:
        """Close the call once every draft is settled."""
        if self._closing is None:
            self._closing = reason
        self.wake()

    def finish(self, over: CallOver) -> None:
        """Set the reason why the call is over. Only the first reason counts."""
        if not self.over.done():
            self.over.set_result(over)

    async def run(self) -> None:
        """Open streams until the call is over.

        Raises:
            grpc.aio.AioRpcError: the service refuses the opening for good.
        """
        backoff, refused_tokens = Backoff(), 0
        while not self.over.done():
            asked = None
            try:
                await self._stream(backoff)
            except grpc.aio.AioRpcError as error:
                code, asked = error.code(), retry_after_of(error)
                refused_tokens = refused_tokens + 1 if code is grpc.StatusCode.UNAUTHENTICATED else 0
                if code in RECORD_FATAL or (refused_tokens >= REFUSED_TOKENS and not self.opened.done()):
                    self._give_up(error)
                    return
                if code in RECORD_FAILED:
                    self._count_failure()
                self._log.info("record stream broken", code=code.name, reason=reason_of(error))
            except TimeoutError:
                self._log.info("no response on record stream")
            if not self.over.done():
                await self._clock.sleep(backoff.pause(asked))

    async def _stream(self, backoff: Backoff) -> None:
        self._outbox.resend()
        self._in_flight.clear()
        left = asyncio.Event()
        try:
            async with (
                asyncio.timeout(ANSWER_WITHIN_SECONDS) as self._answer_timeout,
                streaming(self._stub.Record(self._requests(left))) as call,
            ):
                async for response in call:
                    if self._failures == 0 or response.HasField("ack"):
                        backoff.reset()
                    if self._process(response):
                        return
        finally:
            # gRPC may leave this request iterator waiting. It must not take drafts of the next stream.
            left.set()
            self.wake()

    async def _requests(self, left: asyncio.Event) -> AsyncIterator[call_record.RecordRequest]:
        yield call_record.RecordRequest(open=self._opening)
        while not left.is_set():
            self._wake.clear()
            if len(self._in_flight) < (1 if self._one_by_one else WINDOW) and self._outbox.has_waiting:
                yield self._append()
            elif self._closing is not None and not len(self._outbox):
                self._start_timeout()
                yield call_record.RecordRequest(close=call_record.RecordClose(reason=self._closing))
                return
            else:
                await self._wake.wait()

    def _append(self) -> call_record.RecordRequest:
        drafts = self._outbox.take(1 if self._one_by_one else BATCH)
        if not self._in_flight:
            self._start_timeout()
        self._in_flight.append(drafts[-1].client_sequence)
        return call_record.RecordRequest(append=call_record.RecordAppend(drafts=drafts))

    def _start_timeout(self) -> None:
        self._set_timeout(asyncio.get_running_loop().time() + ANSWER_WITHIN_SECONDS)

    def _set_timeout(self, when: float | None) -> None:
        assert self._answer_timeout is not None
        if not self._answer_timeout.expired():
            self._answer_timeout.reschedule(when)

    def _process(self, response: call_record.RecordResponse) -> bool:
        """Process one response; return True if it ends the stream."""
        match response.WhichOneof("message"):
            case "opened":
                if not self.opened.done():
                    self.opened.set_result(response.opened)
                self._answered()
            case "ack":
                self._acknowledge(response.ack)
                self._answered()
            case "rejected":  # the ack that covers the draft will settle it
                draft = self._outbox.refuse(response.rejected.client_sequence)
                entry_id = draft.entry_id if draft else ""
                self._log.warning("draft rejected", entry_id=entry_id, why=response.rejected.status.message)
            case "end":
                if response.end.reason == call_record.RECORD_END_REASON_CALL_ENDED:
                    self.finish(CallEnded("The call has ended."))
                return True
        return False

    def _answered(self) -> None:
        if self._in_flight:
            self._start_timeout()
        elif self._closing is None:
            self._set_timeout(None)

    @property
    def _one_by_one(self) -> bool:
        return self._failures >= FAILURES

    def _count_failure(self) -> None:
        one_by_one = self._one_by_one
        self._failures += 1
        if one_by_one and self._outbox.skip():
            self._log.warning("draft skipped; service failed to process it", failures=self._failures)

    def _acknowledge(self, ack: call_record.RecordAck) -> None:
        for draft in self._outbox.set_skipped_aside():
            self._log.error("draft set aside; service failed to process it", entry_id=draft.entry_id)
        self._failures = 0
        self._outbox.settle(ack.through_client_sequence)
        while self._in_flight and self._in_flight[0] <= ack.through_client_sequence:
            self._in_flight.popleft()
        self.wake()

    def _give_up(self, error: grpc.aio.AioRpcError) -> None:
        if error.code() is grpc.StatusCode.ABORTED:
            self.finish(CallLost(error.details()))
        elif reason_of(error) == "CALL_ENDED" or self.opened.done():
            self.finish(CallEnded(error.details()))
        else:
            raise error
