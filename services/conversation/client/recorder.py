"""An agent's pen: writes a call's log through one `Record` stream, without ever making the agent wait.

    async with Recorder(stub, call_id, epoch, folder=outbox) as recorder:
        recorder.opened.grant …
        recorder.revise(utterance_id, SPEAKER_AGENT, "There are")
        recorder.seal(utterance_id, SPEAKER_AGENT, "There are three flights.")
        number = await recorder.number_of(utterance_id)
        over = await recorder.over()      # a CallLost or CallEnded: stop speaking

What is handed in is kept, in memory and in a file of the folder, until it is acknowledged, and sent again after every reconnect. Once the
call is lost or has ended, what had been said already is still handed in, late. What can't be handed in by then stays in the file for
whoever looks after the folder, see `abandoned`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import grpc
import structlog
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.clock import Clock, SystemClock
from services.conversation.client.drafting import Drafting
from services.conversation.client.errors import CallEnded, CallLost, CallOver, OutboxFull
from services.conversation.client.late import hand_in_late, says_more
from services.conversation.client.outbox import Outbox
from services.conversation.client.outbox_file import OutboxFile
from services.conversation.client.record_line import RecordLine
from services.conversation.waiting import first_of

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

__all__ = ["CallEnded", "CallLost", "CallOver", "Recorder"]

CLOSE_WITHIN_SECONDS = 5.0
"""How long `close` waits for the service."""
LATE_WITHIN_SECONDS = 2.0
"""How long leaving may take that has something to hand in late; what is left of it then is for whoever looks after the folder."""

_log = structlog.get_logger()


class Recorder:
    """One agent's hold on one call, and its pen.

    Args:
        stub: with the agent's own token (`WorkloadIdentity.own_token`).
        writer_id: UUID of this writer; the same one may open its epoch again.
        folder: for the outbox's file; without it, what is not acknowledged dies with the process.
    """

    def __init__(
        self,
        stub: ConversationServiceAsyncStub,
        call_id: str,
        epoch: int,
        writer_id: str | None = None,
        *,
        folder: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._stub, self._clock = stub, clock or SystemClock()
        self._opening = pb.RecordOpen(call_id=call_id, epoch=epoch, writer_id=writer_id or str(uuid4()))
        self._file = _made(folder, self._opening)
        self._outbox, self._drafting = Outbox(self._file), Drafting(self._clock)
        self._line = RecordLine(stub, self._opening, self._outbox, self._clock)
        self._keeping: asyncio.Task[None] | None = None
        self._syncing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Takes the call, trying until the service can be reached.

        Raises:
            CallLost: another agent has it.
            CallEnded: it has ended.
            grpc.aio.AioRpcError: the service refuses for good.
        """
        self._keeping = asyncio.create_task(self._line.keep())
        try:
            await self._taken(self._keeping)
        except BaseException:
            await self._let_go()
            raise
        if self._file is not None:
            self._file.opened(self.opened)
            self._syncing = asyncio.create_task(self._file.keep_synced())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Lets go of the stream. Without `close` before, the service takes the agent for lost."""
        try:
            await _cancelled(self._keeping)
            if self._line.over.done():
                await self._hand_in_late()
        finally:
            await self._let_go()

    async def _taken(self, keeping: asyncio.Task[None]) -> None:
        await asyncio.wait((self._line.opened, keeping), return_when=asyncio.FIRST_COMPLETED)
        if not self._line.opened.done():
            raise await self.over()

    @property
    def opened(self) -> pb.RecordOpened:
        """What the service said when the call was taken: grant, conversation, locale, time zone, the caller's identity."""
        return self._line.opened.result()

    async def over(self) -> CallOver:
        """Waits until the call is no longer this writer's, and says why."""
        assert self._keeping is not None
        await asyncio.wait((self._line.over, self._keeping), return_when=asyncio.FIRST_COMPLETED)
        if not self._line.over.done():
            await self._keeping  # raises what ended it
        return self._line.over.result()

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

    async def number_of(self, entry_id: str) -> int:
        """The number of an entry that was handed in, as soon as it is stored. An utterance has its number once it is sealed.

        Raises:
            DraftRefused: the service did not take it, or failed at it again and again.
            CallOver: it was not acknowledged before the call was over; it is handed in late, and stands wherever that puts it.
        """
        return await self._line.positions.of(entry_id)

    async def flushed(self) -> None:
        """Waits until everything handed in is acknowledged, refused or set aside; returns early when the call is over."""
        await first_of(self._outbox.emptied(), self.over())

    async def close(self, reason: pb.CallEndReason.ValueType = pb.CALL_END_REASON_UNSPECIFIED) -> None:
        """Gives the call up for good once all is stored: with a reason it ends, without one another agent takes over."""
        self._line.close(reason)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN_SECONDS):
                await self.over()

    def _put(self, draft: entry_pb2.Draft) -> None:
        try:
            self._outbox.put(draft)
        except OutboxFull as full:
            # A log with a gap is worse than an agent that leaves: another one goes on where the log ends.
            if not self._line.over.done():
                _log.error(
                    "the call is given up, its log can't be kept",
                    call_id=self._opening.call_id,
                    why=str(full),
                )
            self._line.finish(CallLost(str(full)))
        self._line.stir()

    async def _hand_in_late(self) -> None:
        left = [draft for draft in self._outbox.drain() if self._adds(draft)]
        if not self._line.opened.done():
            return
        try:
            async with asyncio.timeout(LATE_WITHIN_SECONDS):
                refusals = await hand_in_late(
                    self._stub, self._opening, self.opened.late_ticket, left, until=self._clock.now()
                )
        except (grpc.aio.AioRpcError, TimeoutError) as error:
            _log.warning(
                "what was said last is handed in later",
                call_id=self._opening.call_id,
                drafts=len(left),
                why=repr(error),
            )
        else:
            if not refusals:  # else the file stays for whoever sets it aside
                self._outbox.clear()

    def _adds(self, draft: entry_pb2.Draft) -> bool:
        stored = self._outbox.stored_words(draft.entry_id)
        return stored is None or says_more(draft, stored)

    async def _let_go(self) -> None:
        await _cancelled(self._keeping)
        await _cancelled(self._syncing)
        if self._file is not None:
            self._file.close(keep=self._outbox.holds_any)
            self._file = None


def _made(folder: Path | None, opening: pb.RecordOpen) -> OutboxFile | None:
    if folder is None:
        return None
    try:
        return OutboxFile(folder, opening)
    except OSError as error:
        _log.error(
            "there is no outbox; what is said would not outlive this process",
            folder=str(folder),
            why=str(error),
        )
        return None


async def _cancelled(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
