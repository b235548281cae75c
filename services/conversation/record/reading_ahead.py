"""Reading a writer's stream ahead: what it sends is handed in while its earlier appends are still being committed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from readback.conversation.v1 import conversation_service_pb2 as pb

from mesh.contracts.validation import validate
from mesh.errors import FieldViolation, InvalidRequest
from services.conversation.calls.holds import Hold
from services.conversation.errors import RecordOutOfOrder
from services.conversation.log.transcript_log import Queue, Refused, Stored, TranscriptLog
from services.conversation.log.writer_fence import Writer

MAX_DRAFTS = 256
"""Drafts in one `RecordAppend`; the contract's rule, checked here because a draft that breaks its own must not end the stream."""
WINDOW = 8
"""Appends of one stream that may wait to be committed; the next one is read when one of them is answered."""


class HandedIn:
    """What a writer handed in and has no answer to yet, in its order."""

    def __init__(self, hold: Hold) -> None:
        self._hold = hold
        self._waiting: deque[asyncio.Future[list[Stored | Refused]]] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self.close: pb.RecordClose | None = None
        """The writer's last message, if it gave the call up."""

    async def add(self, answer: asyncio.Future[list[Stored | Refused]]) -> None:
        """Adds an append; returns when there is room for the next one."""
        self._waiting.append(answer)
        answer.add_done_callback(self.look)
        while len(self._waiting) >= WINDOW:
            self._room.clear()
            await self._room.wait()

    def look(self, _: object = None) -> None:
        """Says that something is different."""
        self._news.set()

    async def next_outcomes(self) -> list[Stored | Refused] | None:
        """What became of the next appends, as many as are answered; None when there is nothing more to answer.

        Raises:
            DomainError: the writer may not write, or wrote what is no message of the stream.
        """
        while True:
            outcomes: list[Stored | Refused] = []
            while (
                self._waiting
                and self._waiting[0].done()
                and (not outcomes or self._waiting[0].exception() is None)
            ):
                outcomes += self._waiting.popleft().result()
                self._room.set()
            if outcomes:
                return outcomes
            if not self._waiting and self._read_all():
                return None
            self._news.clear()
            await self._news.wait()

    def read_by(self, reader: asyncio.Future[None]) -> None:
        """Names the task that adds."""
        self._reader = reader
        reader.add_done_callback(self.look)

    def give_up(self) -> None:
        """Waits for no answer any more; what was handed in is committed all the same."""
        for answer in self._waiting:
            answer.cancel()

    def _read_all(self) -> bool:
        # What was read before the hold's end is still stored: it was said.
        assert self._reader is not None
        if self._reader.done():
            self._reader.result()
            return True
        return self._hold.why_over is not None


@asynccontextmanager
async def reading_ahead(
    log: TranscriptLog, hold: Hold, requests: AsyncIterator[pb.RecordRequest]
) -> AsyncIterator[HandedIn]:
    """Hands in what the writer sends while earlier appends are still being committed."""
    handed_in = HandedIn(hold)
    reader = asyncio.create_task(_read(log, hold.writer, requests, handed_in), name="record reader")
    handed_in.read_by(reader)
    hold.notify(handed_in.look)
    try:
        yield handed_in
    finally:
        handed_in.give_up()
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def _read(
    log: TranscriptLog, writer: Writer, requests: AsyncIterator[pb.RecordRequest], handed_in: HandedIn
) -> None:
    queue = Queue()
    async for request in requests:
        match request.WhichOneof("message"):
            case "append":
                drafts = request.append.drafts
                if not 1 <= len(drafts) <= MAX_DRAFTS:
                    raise InvalidRequest([FieldViolation("append.drafts", f"must be 1 to {MAX_DRAFTS}")])
                await handed_in.add(await log.submit(writer, drafts, queue))
            case "close":
                validate(request.close)
                handed_in.close = request.close
                return
            case _:
                raise RecordOutOfOrder
