"""The line to the service: one `Record` stream after another, until the call is no longer this writer's.

What waits in the outbox is sent in messages of what has gathered, a few of them unacknowledged at a time. Whatever breaks (a service that
restarts, drains or can't reach its store, a network that swallows packets), the next stream begins with what was not acknowledged.

One draft must not stop all that come after it. When the service fails (INTERNAL) again and again, drafts are sent one by one; the one at
which it fails then is passed over, and set aside once it takes another. Late, or from the outbox's file, it is handed in once more.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import grpc
import structlog
from readback.conversation.v1 import conversation_service_pb2 as pb

from mesh.channel import streaming
from mesh.clock import Clock
from mesh.errors import reason_of, retry_after_of
from services.conversation.client.backoff import Backoff
from services.conversation.client.errors import CallEnded, CallLost, CallOver
from services.conversation.client.outbox import Outbox
from services.conversation.client.positions import Positions

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

BATCH = 64
"""Drafts in one message at most."""
WINDOW = 8
"""Messages that may be on their way unacknowledged; what is put in meanwhile gathers, and of open utterances only the latest stays."""
ANSWER_WITHIN_SECONDS = 10.0
"""How long the service may take to open, or to acknowledge, before the stream is taken for dead: sooner than keepalive would."""
FAILURES = 8
"""So often in a row, over some two seconds, the service may fail before drafts are sent one by one."""
REFUSED_TOKENS = 5
"""So many tokens refused in a row before the call is taken, and no other will be better. Once it is taken, a call outlasts that."""
FINAL = {
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNIMPLEMENTED,
}
"""Answers that another attempt would not change."""
FAILED = {grpc.StatusCode.DATA_LOSS, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}
"""Answers of a service that is there, and failed at what it was sent."""

_log = structlog.get_logger()


class RecordLine:
    """Keeps a stream open and empties an outbox into it. Run `keep` in a task; cancel it to let go."""

    def __init__(
        self, stub: ConversationServiceAsyncStub, opening: pb.RecordOpen, outbox: Outbox, clock: Clock
    ) -> None:
        loop = asyncio.get_running_loop()
        self._stub, self._opening, self._outbox, self._clock = stub, opening, outbox, clock
        self._stirred = asyncio.Event()
        self._closing: pb.CallEndReason.ValueType | None = None
        self._flying: deque[int] = deque()
        self._failures = 0
        self._patience: asyncio.Timeout | None = None
        self.positions = Positions()
        self.opened: asyncio.Future[pb.RecordOpened] = loop.create_future()
        """What the service said when the call was first taken."""
        self.over: asyncio.Future[CallOver] = loop.create_future()
        """Why the call is no longer this writer's."""

    def stir(self) -> None:
        """Says that something was put into the outbox."""
        self._stirred.set()

    def close(self, reason: pb.CallEndReason.ValueType) -> None:
        """Gives the call up once everything is acknowledged."""
        if self._closing is None:
            self._closing = reason
        self.stir()

    def finish(self, over: CallOver) -> None:
        """Notes that the call is no longer ours; only the first reason counts."""
        if not self.over.done():
            self.over.set_result(over)
            self.positions.over(over)

    async def keep(self) -> None:
        """Opens streams until the call is over.

        Raises:
            grpc.aio.AioRpcError: the service refuses for good before the call was taken.
        """
        backoff, refused = Backoff(), 0
        while not self.over.done():
            asked = None
            try:
                await self._stream(backoff)
            except grpc.aio.AioRpcError as error:
                refused = refused + 1 if error.code() is grpc.StatusCode.UNAUTHENTICATED else 0
                if error.code() in FINAL or (refused >= REFUSED_TOKENS and not self.opened.done()):
                    self._fail(error)
                    return
                if error.code() in FAILED:
                    self._failed()
                asked = retry_after_of(error)
                _log.info(
                    "the record stream broke",
                    call_id=self._opening.call_id,
                    code=error.code().name,
                    reason=reason_of(error),
                )
            except TimeoutError:
                _log.info("the record stream fell silent", call_id=self._opening.call_id)
            if not self.over.done():
                await self._clock.sleep(backoff.pause(asked))

    async def _stream(self, backoff: Backoff) -> None:
        self._outbox.resend()
        self._flying.clear()
        left = asyncio.Event()
        try:
            async with (
                asyncio.timeout(ANSWER_WITHIN_SECONDS) as self._patience,
                streaming(self._stub.Record(self._requests(left))) as call,
            ):
                async for response in call:
                    if self._failures == 0 or response.HasField("ack"):
                        backoff.reset()
                    if self._answered(response):
                        return
        finally:
            # gRPC may leave the requests' iterator waiting; it must not take what the next stream is to send.
            left.set()
            self.stir()

    async def _requests(self, left: asyncio.Event) -> AsyncIterator[pb.RecordRequest]:
        yield pb.RecordRequest(open=self._opening)
        while not left.is_set():
            self._stirred.clear()
            if len(self._flying) < (1 if self._one_by_one else WINDOW) and self._outbox.waits:
                yield self._append()
            elif self._closing is not None and not len(self._outbox):
                self._wait_for_answer()
                yield pb.RecordRequest(close=pb.RecordClose(reason=self._closing))
                return
            else:
                await self._stirred.wait()

    def _append(self) -> pb.RecordRequest:
        drafts = self._outbox.take(1 if self._one_by_one else BATCH)
        if not self._flying:
            self._wait_for_answer()
        self._flying.append(drafts[-1].client_sequence)
        return pb.RecordRequest(append=pb.RecordAppend(drafts=drafts))

    def _wait_for_answer(self) -> None:
        assert self._patience is not None
        if not self._patience.expired():
            self._patience.reschedule(asyncio.get_running_loop().time() + ANSWER_WITHIN_SECONDS)

    def _answered(self, response: pb.RecordResponse) -> bool:
        """Takes in what the service said; says whether the stream is at its end."""
        match response.WhichOneof("message"):
            case "opened":
                if not self.opened.done():
                    self.opened.set_result(response.opened)
                self._heard()
            case "ack":
                self._acknowledged(response.ack)
                self._heard()
            case "rejected":
                self._refused(response.rejected)
            case "end":
                if response.end.reason == pb.STREAM_END_REASON_CALL_ENDED:
                    self.finish(CallEnded("The call has ended."))
                return True
        return False

    def _heard(self) -> None:
        assert self._patience is not None
        if self._flying:
            self._wait_for_answer()
        elif self._closing is None and not self._patience.expired():
            self._patience.reschedule(None)

    @property
    def _one_by_one(self) -> bool:
        return self._failures >= FAILURES

    def _failed(self) -> None:
        """Notes that a stream ended because the service failed."""
        one_by_one = self._one_by_one
        self._failures += 1
        if one_by_one and self._outbox.pass_over():
            _log.warning(
                "the service fails at a draft, the next is tried",
                call_id=self._opening.call_id,
                failures=self._failures,
            )

    def _acknowledged(self, ack: pb.RecordAck) -> None:
        for draft in self._outbox.set_aside():
            _log.error(
                "a draft is set aside: the service fails at it",
                call_id=self._opening.call_id,
                entry_id=draft.entry_id,
            )
            self.positions.refused(
                draft.entry_id, "The service fails at it; it is handed in again when the call is over."
            )
        self._failures = 0
        settled = self._outbox.settle(ack.through_client_sequence)
        for draft, number in zip(settled, ack.numbers, strict=False):
            if number:
                self.positions.stored(draft.entry_id, number)
        while self._flying and self._flying[0] <= ack.through_client_sequence:
            self._flying.popleft()
        self.stir()

    def _refused(self, rejected: pb.RecordRejected) -> None:
        """The draft is forgotten with the ack that covers it."""
        draft = self._outbox.sent(rejected.client_sequence)
        entry_id = draft.entry_id if draft else ""
        _log.warning(
            "a draft was refused",
            call_id=self._opening.call_id,
            entry_id=entry_id,
            why=rejected.status.message,
        )
        self.positions.refused(entry_id, rejected.status.message)

    def _fail(self, error: grpc.aio.AioRpcError) -> None:
        if error.code() is grpc.StatusCode.ABORTED:
            self.finish(CallLost(error.details()))
        elif reason_of(error) == "ERROR_REASON_CALL_ENDED" or self.opened.done():
            self.finish(CallEnded(error.details()))
        else:
            raise error
