"""Pipelined appends: a writer's next append is submitted while previous ones are still being committed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from mesh.contracts.validation import validate
from mesh.errors import FieldViolation, InvalidRequest
from services.conversation.calls.holds import Hold
from services.conversation.errors import RecordOutOfOrder
from services.conversation.log.transcript_log import Queue, Refused, Stored, TranscriptLog
from services.conversation.log.writer_fence import Writer

MAX_DRAFTS = 256
"""Most drafts in one `RecordAppend`. The contract has the same rule. It is checked here, because validating
the whole message would end the stream for one invalid draft."""
WINDOW = 8
"""Most unanswered appends of one stream. At this limit, reading from the stream pauses."""


class AppendPipeline:
    """The appends of one stream that are not yet answered, in order."""

    def __init__(self, hold: Hold) -> None:
        self._hold = hold
        self._waiting: deque[asyncio.Future[list[Stored | Refused]]] = deque()
        self._changed, self._has_room = asyncio.Event(), asyncio.Event()
        self.reader: asyncio.Future[None] | None = None
        """The task that reads the stream and adds its appends."""
        self.close: call_record.RecordClose | None = None
        """The writer's `close` message; None until it arrives."""

    async def add(self, answer: asyncio.Future[list[Stored | Refused]]) -> None:
        """Add a submitted append; block while the window is full."""
        self._waiting.append(answer)
        answer.add_done_callback(self.wake)
        while len(self._waiting) >= WINDOW:
            self._has_room.clear()
            await self._has_room.wait()

    def wake(self, _: object = None) -> None:
        """Wake `next_outcomes`: an append was answered, the stream was read to its end, or the hold ended."""
        self._changed.set()

    async def next_outcomes(self) -> list[Stored | Refused] | None:
        """Wait until the next append is answered; return its outcomes.

        The outcomes of following appends are included if they are answered too. Return None after the last
        append of the stream.

        Raises:
            DomainError: the writer may not write, or sent an invalid message.
        """
        while True:
            outcomes: list[Stored | Refused] = []
            while (
                self._waiting
                and self._waiting[0].done()
                and (not outcomes or self._waiting[0].exception() is None)
            ):
                outcomes += self._waiting.popleft().result()
                self._has_room.set()
            if outcomes:
                return outcomes
            if not self._waiting and self._all_read():
                return None
            self._changed.clear()
            await self._changed.wait()

    def abandon(self) -> None:
        """Stop waiting for answers. Appends that were submitted are still committed."""
        for answer in self._waiting:
            answer.cancel()

    def _all_read(self) -> bool:
        # After the hold ends, wait for the submitted appends, because their words were spoken.
        assert self.reader is not None
        if self.reader.done():
            self.reader.result()
            return True
        return self._hold.end_reason is not None


@asynccontextmanager
async def append_pipeline(
    log: TranscriptLog, hold: Hold, requests: AsyncIterator[call_record.RecordRequest]
) -> AsyncIterator[AppendPipeline]:
    """Read and submit a writer's appends until the block ends."""
    pipeline = AppendPipeline(hold)
    reader = asyncio.create_task(_read(log, hold.writer, requests, pipeline), name="record reader")
    pipeline.reader = reader
    reader.add_done_callback(pipeline.wake)
    hold.on_end(pipeline.wake)
    try:
        yield pipeline
    finally:
        pipeline.abandon()
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def _read(
    log: TranscriptLog,
    writer: Writer,
    requests: AsyncIterator[call_record.RecordRequest],
    pipeline: AppendPipeline,
) -> None:
    queue = Queue()
    async for request in requests:
        match request.WhichOneof("message"):
            case "append":
                drafts = request.append.drafts
                if not 1 <= len(drafts) <= MAX_DRAFTS:
                    raise InvalidRequest([FieldViolation("append.drafts", f"must be 1 to {MAX_DRAFTS}")])
                await pipeline.add(await log.submit(writer, drafts, queue))
            case "close":
                validate(request.close)
                pipeline.close = request.close
                return
            case _:
                raise RecordOutOfOrder
