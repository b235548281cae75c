"""An agent's pen: writes a call's log through one `Record` stream, without ever making the agent wait.

    async with Recorder(stub, call_id, epoch, writer_id, delegate=delegated_stub) as recorder:
        recorder.opened.grant …
        recorder.revise(utterance_id, SPEAKER_AGENT, "There are")
        recorder.seal(utterance_id, SPEAKER_AGENT, "There are three flights.")
        over = await recorder.over()      # a CallLost or CallEnded: stop speaking

What is handed in is kept until it is acknowledged, and sent again after every reconnect. Once the call is lost or has ended, what had
been said already is still handed in, late, through `Append` in the name of the customer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import grpc
import structlog
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.channel import streaming
from mesh.clock import Clock, SystemClock
from mesh.errors import reason_of
from services.conversation.client.backoff import Backoff
from services.conversation.client.drafting import Drafting
from services.conversation.client.late import hand_in_late
from services.conversation.client.outbox import Outbox, OutboxFull
from services.conversation.waiting import first_of

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

BATCH = 64
"""Drafts in one message."""
CLOSE_WITHIN_SECONDS = 5.0
"""How long `close` waits for the service."""
_FINAL = {
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNIMPLEMENTED,
}
"""Answers that another attempt would not change."""
REFUSED_TOKENS = 5
"""So many tokens refused in a row before the call is taken, and no other will be better. Once it is taken, a call outlasts that."""

_log = structlog.get_logger()


class CallOver(Exception):
    """The call is no longer this writer's."""


class CallLost(CallOver):
    """Another agent has the call: stop speaking at once, don't come back."""


class CallEnded(CallOver):
    """The call has ended: leave."""


class Recorder:
    """One agent's hold on one call, and its pen.

    Args:
        stub: with the agent's own token (`WorkloadIdentity.own_token`).
        writer_id: UUID of this writer; the same one may open its epoch again.
        delegate: with tokens exchanged for the call's grant, for what is handed in late; without it that is lost.
    """

    def __init__(
        self,
        stub: ConversationServiceAsyncStub,
        call_id: str,
        epoch: int,
        writer_id: str | None = None,
        *,
        delegate: ConversationServiceAsyncStub | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._stub, self._clock = stub, clock or SystemClock()
        self.delegate = delegate
        self._open = pb.RecordOpen(call_id=call_id, epoch=epoch, writer_id=writer_id or str(uuid4()))
        self._outbox, self._drafting = Outbox(), Drafting(self._clock)
        self._closing: asyncio.Future[pb.CallEndReason.ValueType] | None = None
        self._opened: asyncio.Future[pb.RecordOpened] | None = None
        self._over: asyncio.Future[CallOver] | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Takes the call, trying until the service can be reached.

        Raises:
            CallLost: another agent has it.
            CallEnded: it has ended.
            grpc.aio.AioRpcError: the service refuses for good.
        """
        loop = asyncio.get_running_loop()
        self._opened, self._over, self._closing = loop.create_future(), loop.create_future(), loop.create_future()
        self._task = asyncio.create_task(self._run())
        try:
            await self._taken()
        except BaseException:
            await self._stop()
            raise
        return self

    async def _taken(self) -> None:
        assert self._opened is not None
        assert self._task is not None
        await asyncio.wait((self._opened, self._task), return_when=asyncio.FIRST_COMPLETED)
        if not self._opened.done():
            raise await self.over()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Lets go of the stream. Without `close` before, the service takes the agent for lost."""
        await self._stop()
        if self._over is not None and self._over.done():
            await self._late()

    @property
    def opened(self) -> pb.RecordOpened:
        """What the service said when the call was taken: grant, conversation, locale, time zone, the caller's identity."""
        assert self._opened is not None
        return self._opened.result()

    async def over(self) -> CallOver:
        """Waits until the call is no longer this writer's, and says why."""
        assert self._over is not None
        assert self._task is not None
        await asyncio.wait((self._over, self._task), return_when=asyncio.FIRST_COMPLETED)
        if not self._over.done():
            await self._task  # raises what ended it
        return self._over.result()

    def revise(
        self,
        utterance_id: str,
        speaker: entry_pb2.Speaker.ValueType,
        text: str,
        *,
        modality: entry_pb2.Modality.ValueType = entry_pb2.MODALITY_VOICE,
    ) -> None:
        """All words so far of an utterance that goes on."""
        self._put(self._drafting.revision(utterance_id, speaker, text, modality))

    def seal(
        self,
        utterance_id: str,
        speaker: entry_pb2.Speaker.ValueType,
        text: str,
        *,
        sealing: entry_pb2.Sealing.ValueType = entry_pb2.SEALING_FINAL,
        modality: entry_pb2.Modality.ValueType = entry_pb2.MODALITY_VOICE,
        generated_text: str = "",
        language: str = "",
        start_time: datetime | None = None,
        end_time: datetime | None = None,
    ) -> None:
        """An utterance as it ended. `generated_text`: what the agent meant to say, where that differs."""
        utterance = entry_pb2.Utterance(
            utterance_id=utterance_id,
            speaker=speaker,
            modality=modality,
            text=text,
            generated_text=generated_text,
            sealing=sealing,
            language=language,
        )
        self._put(self._drafting.sealed(utterance, start_time, end_time))

    def tool_call(self, tool_call_id: str, name: str, arguments: Mapping[str, Any]) -> None:
        """A tool is called with JSON-like arguments; `tool_call_id` is a UUID that its result names again."""
        self._put(self._drafting.tool_call(tool_call_id, name, arguments))

    def tool_result(self, tool_call_id: str, name: str, outcome: str, result: Mapping[str, Any]) -> None:
        """A tool has answered; `outcome` is one word such as `FOUND`."""
        self._put(self._drafting.tool_result(tool_call_id, name, outcome, result))

    async def flushed(self) -> None:
        """Waits until everything handed in is acknowledged or refused; returns early when the call is over."""
        await first_of(self._outbox.emptied(), self.over())

    async def close(self, reason: pb.CallEndReason.ValueType = pb.CALL_END_REASON_UNSPECIFIED) -> None:
        """Gives the call up for good once all is stored: with a reason it ends, without one another agent takes over."""
        assert self._closing is not None
        if not self._closing.done():
            self._closing.set_result(reason)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN_SECONDS):
                await self.over()

    def _put(self, draft: entry_pb2.Draft) -> None:
        try:
            self._outbox.put(draft)
        except OutboxFull as full:
            # A log with a gap is worse than an agent that leaves: another one goes on where the log ends.
            if not self._is_over():
                _log.error("the call is given up, its log can't be kept", call_id=self._open.call_id, why=str(full))
            self._finish(CallLost(str(full)))

    async def _run(self) -> None:
        backoff, refused = Backoff(), 0
        while not self._is_over():
            try:
                await self._stream(backoff)
            except grpc.aio.AioRpcError as error:
                refused = refused + 1 if error.code() is grpc.StatusCode.UNAUTHENTICATED else 0
                if error.code() in _FINAL or (refused >= REFUSED_TOKENS and not self._is_taken()):
                    self._fail(error)
                    return
                _log.info("the record stream broke", call_id=self._open.call_id, code=error.code().name)
            if not self._is_over():
                await self._clock.sleep(backoff.pause())

    async def _stream(self, backoff: Backoff) -> None:
        self._outbox.resend()
        done = asyncio.Event()
        try:
            async with streaming(self._stub.Record(self._requests(done))) as call:
                async for response in call:
                    backoff.reset()
                    if self._answered(response):
                        return
        finally:
            # gRPC may leave the requests' iterator waiting; it must not take what the next stream is to send.
            done.set()

    async def _requests(self, done: asyncio.Event) -> AsyncIterator[pb.RecordRequest]:
        assert self._closing is not None
        yield pb.RecordRequest(open=self._open)
        while not done.is_set():
            drafts = self._outbox.take(BATCH)
            if drafts:
                yield pb.RecordRequest(append=pb.RecordAppend(drafts=drafts))
            elif self._closing.done():
                await first_of(self._outbox.emptied(), self._outbox.filled(), done.wait())
                if not len(self._outbox) and not done.is_set():
                    yield pb.RecordRequest(close=pb.RecordClose(reason=self._closing.result()))
                    return
            else:
                await first_of(self._outbox.filled(), asyncio.shield(self._closing), done.wait())

    def _answered(self, response: pb.RecordResponse) -> bool:
        """Takes in what the service said; says whether the stream is at its end."""
        assert self._opened is not None
        match response.WhichOneof("message"):
            case "opened" if not self._opened.done():
                self._opened.set_result(response.opened)
            case "ack":
                self._outbox.settle(response.ack.through_client_sequence)
            case "rejected":
                refused = response.rejected
                _log.warning("a draft was refused", client_sequence=refused.client_sequence, why=refused.status.message)
            case "end":
                if response.end.reason == pb.STREAM_END_REASON_CALL_ENDED:
                    self._finish(CallEnded("The call has ended."))
                return True
        return False

    def _fail(self, error: grpc.aio.AioRpcError) -> None:
        assert self._opened is not None
        if error.code() is grpc.StatusCode.ABORTED:
            self._finish(CallLost(error.details()))
        elif reason_of(error) == "ERROR_REASON_CALL_ENDED" or self._opened.done():
            self._finish(CallEnded(error.details()))
        else:
            raise error

    def _finish(self, over: CallOver) -> None:
        assert self._over is not None
        if not self._over.done():
            self._over.set_result(over)

    def _is_taken(self) -> bool:
        return self._opened is not None and self._opened.done()

    def _is_over(self) -> bool:
        return self._over is not None and self._over.done()

    async def _stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _late(self) -> None:
        left = self._outbox.drain()
        if left and self.delegate is not None:
            await hand_in_late(self.delegate, self._open.call_id, self._open.epoch, self._open.writer_id, left)
