"""Recorder: writes a call's log for an agent through `Record` streams. Recording never makes the agent wait.

    async with Recorder(stub, call_id, epoch, folder=outbox) as recorder:
        recorder.opened.grant …
        recorder.revise(utterance_id, SPEAKER_AGENT, "There are")
        recorder.seal(utterance_id, SPEAKER_AGENT, "There are three flights.")
        over = await recorder.over()      # a CallLost or CallEnded: stop speaking

The recorder holds every draft in memory, and in a file in the folder, until the service acknowledges it.
After each reconnect, unacknowledged drafts are sent again. When the call is lost or has ended, the remaining
drafts are appended late. If this fails, they stay in the file and `outbox_recovery` appends them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from uuid import uuid4

import grpc
import structlog
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from mesh.background import first_of
from mesh.clock import Clock, SystemClock
from services.conversation.client.draft_builder import DraftBuilder
from services.conversation.client.late_append import adds_to, append_late
from services.conversation.client.outbox import Outbox, OutboxFull, Receipt
from services.conversation.client.outbox_file import OutboxFile
from services.conversation.client.record_stream import CallEnded, CallLost, CallOver, RecordStream

if TYPE_CHECKING:
    from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceAsyncStub

__all__ = ["CallEnded", "CallLost", "CallOver", "Receipt", "Recorder"]

CLOSE_WITHIN_SECONDS = 5.0
"""Longest time that `close` waits for the service."""
LATE_WITHIN_SECONDS = 2.0
"""Longest time for the late append when the block ends; `outbox_recovery` appends the remaining drafts."""

_log = structlog.get_logger()


class Recorder:
    """One agent's recorder for one call. The agent holds the call while the `async with` block runs.

    Args:
        stub: sends the agent's own token (`WorkloadIdentity.own_token`).
        writer_id: UUID of this writer; random by default. Only the same writer can open its epoch again.
        folder: folder of the outbox file. Without it, unacknowledged drafts are lost when the process dies.
    """

    def __init__(
        self,
        stub: CallRecordServiceAsyncStub,
        call_id: str,
        epoch: int,
        writer_id: str | None = None,
        *,
        folder: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._stub, self._clock = stub, clock or SystemClock()
        self._opening = call_record.RecordOpen(
            call_id=call_id, epoch=epoch, writer_id=writer_id or str(uuid4())
        )
        self._file = _open_outbox_file(folder, self._opening)
        self._outbox, self._drafts = Outbox(self._file), DraftBuilder(self._clock)
        self._stream = RecordStream(stub, self._opening, self._outbox, self._clock)
        self._streaming: asyncio.Task[None] | None = None
        self._syncing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Take the call; retry until the service can be reached.

        Raises:
            CallLost: another agent has the call.
            CallEnded: the call has ended.
            grpc.aio.AioRpcError: the service refuses, and a retry would not help.
        """
        self._streaming = asyncio.create_task(self._stream.run())
        try:
            await self._wait_opened(self._streaming)
        except BaseException:
            await self._disconnect()
            raise
        if self._file is not None:
            self._file.opened(self.opened)
            self._syncing = asyncio.create_task(self._file.keep_synced())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect. If `close` was not called, the service treats the agent as lost."""
        try:
            await _cancel(self._streaming)
            if self._stream.over.done() and self._stream.opened.done():
                await self._append_late()
        finally:
            await self._disconnect()

    async def _wait_opened(self, streaming: asyncio.Task[None]) -> None:
        await asyncio.wait((self._stream.opened, streaming), return_when=asyncio.FIRST_COMPLETED)
        if not self._stream.opened.done():
            raise await self.over()

    @property
    def opened(self) -> call_record.RecordOpened:
        """Answer of the service when the call was taken, with the grant and the conversation."""
        return self._stream.opened.result()

    async def over(self) -> CallOver:
        """Wait until the call is over for this writer; return the reason."""
        assert self._streaming is not None
        await asyncio.wait((self._stream.over, self._streaming), return_when=asyncio.FIRST_COMPLETED)
        if not self._stream.over.done():
            await self._streaming  # raises the error that stopped it
        return self._stream.over.result()

    def revise(
        self,
        utterance_id: str,
        speaker: entry_pb2.Speaker.ValueType,
        text: str,
        *,
        modality: entry_pb2.Modality.ValueType = entry_pb2.MODALITY_VOICE,
    ) -> None:
        """Record a revision of an open utterance. `text` is the whole text so far."""
        self._put(self._drafts.revision(utterance_id, speaker, text, modality))

    def seal(
        self,
        utterance_id: str,
        speaker: entry_pb2.Speaker.ValueType,
        text: str,
        *,
        sealing: entry_pb2.Sealing.ValueType = entry_pb2.SEALING_FINAL,
        modality: entry_pb2.Modality.ValueType = entry_pb2.MODALITY_VOICE,
        generated_text: str = "",
        word_confidences: Sequence[float] = (),
        locale: str = "",
        readback_of: str = "",
        second_question_of: str = "",
        delivered_through: entry_pb2.Delivery | None = None,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
    ) -> Receipt:
        """Record a finished utterance. The receipt stays pending if the call is over before the answer.

        Args:
            generated_text: the whole text that the agent was going to say, if it differs from `text`.
            readback_of: digest of the quote that the utterance reads back.
            second_question_of: digest of the quote that the utterance asks about again.
            delivered_through: how far the caller's client reports that it has played the utterance.
            word_confidences: confidence in each word of `text`, 0 to 1; empty if unknown.
        """
        utterance = entry_pb2.Utterance(
            utterance_id=utterance_id,
            speaker=speaker,
            modality=modality,
            text=text,
            generated_text=generated_text,
            word_confidences=word_confidences,
            sealing=sealing,
            locale=locale,
            readback_of=readback_of,
            second_question_of=second_question_of,
            delivered_through=delivered_through,
        )
        receipt: Receipt = asyncio.get_running_loop().create_future()
        self._put(self._drafts.sealed(utterance, start_time, end_time), receipt)
        return receipt

    def tool_call(self, call: entry_pb2.ToolCall) -> None:
        """Record a tool call."""
        self._put(self._drafts.tool_call(call))

    def tool_result(self, result: entry_pb2.ToolResult) -> None:
        """Record the result of a tool call."""
        self._put(self._drafts.tool_result(result))

    async def flushed(self) -> None:
        """Wait until every draft is acknowledged, rejected or set aside, or the call is over."""
        await first_of(self._outbox.wait_empty(), self.over())

    async def close(
        self, reason: entry_pb2.CallEndReason.ValueType = entry_pb2.CALL_END_REASON_UNSPECIFIED
    ) -> None:
        """Leave the call once every draft is stored.

        With a reason, the call ends. Without a reason, another agent takes over.
        """
        self._stream.close(reason)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN_SECONDS):
                await self.over()

    def _put(self, draft: call_record.Draft, receipt: Receipt | None = None) -> None:
        try:
            self._outbox.put(draft, receipt)
        except OutboxFull as full:
            # Leave, because a log must have no gap. Another agent continues where the log ends.
            if not self._stream.over.done():
                _log.error("outbox full; leaving the call", call_id=self._opening.call_id, why=str(full))
            self._stream.finish(CallLost(str(full)))
        self._stream.wake()

    async def _append_late(self) -> None:
        drafts = [draft for draft in self._outbox.drain() if self._is_new(draft)]
        ticket, now = self.opened.late_ticket, self._clock.now()
        try:
            async with asyncio.timeout(LATE_WITHIN_SECONDS):
                refusals = await append_late(self._stub, self._opening, ticket, drafts, until=now)
        except (grpc.aio.AioRpcError, TimeoutError) as error:
            call_id = self._opening.call_id
            _log.warning("late append postponed", call_id=call_id, drafts=len(drafts), why=repr(error))
        else:
            if not refusals:  # otherwise `outbox_recovery` sets the file aside
                self._outbox.clear()

    def _is_new(self, draft: call_record.Draft) -> bool:
        stored = self._outbox.stored_text(draft.entry_id)
        return stored is None or adds_to(draft, stored)

    async def _disconnect(self) -> None:
        await _cancel(self._streaming)
        await _cancel(self._syncing)
        if self._file is not None:
            self._file.close(keep=self._outbox.has_unsettled)
            self._file = None


def _open_outbox_file(folder: Path | None, opening: call_record.RecordOpen) -> OutboxFile | None:
    if folder is None:
        return None
    try:
        return OutboxFile(folder, opening)
    except OSError as error:
        _log.error("no outbox file; drafts are in memory only", folder=str(folder), why=str(error))
        return None


async def _cancel(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
