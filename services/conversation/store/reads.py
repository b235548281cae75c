"""Reads of conversations' logs and customers' feeds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from services.conversation.model.chunks import Chunk, Packing
from services.conversation.model.entries import LogEntry, Revision, id_bytes
from services.conversation.model.feeds import FeedEnd, FeedRun, RunKind
from services.conversation.model.times import micros_of
from services.conversation.store.schema import calls, feeds, log_pages, open_utterances

CHUNKS_AT_ONCE = 16
"""Number of rows read in one query. They hold about two hundred entries."""
READ_BYTES = 8 * 1024 * 1024
"""Default size limit of one result, in bytes of contents. It is approximate."""


class LogReads:
    """The part of a transaction that reads logs and feeds."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    async def entries_after(
        self,
        conversation_key: int,
        number: int,
        *,
        limit: int,
        most_bytes: int = READ_BYTES,
        wanted: Callable[[LogEntry], bool] = lambda _: True,
    ) -> list[LogEntry]:
        """Return the next entries after a number that pass a filter, in the order of the log.

        The result is only empty if no such entry follows.

        Args:
            limit: largest number of entries.
            most_bytes: size of the contents at which the result ends, if it has at least two entries.
            wanted: returns whether an entry passes the filter.
        """
        found: list[LogEntry] = []
        size = 0
        async for entry in self._walk(conversation_key, number + 1, at_once=min(limit, CHUNKS_AT_ONCE)):
            if wanted(entry):
                found.append(entry)
                size += len(entry.content)
                if len(found) == limit or (size > most_bytes and len(found) > 1):
                    break
        return found

    async def last_of_call(
        self, conversation_key: int, call_key: int, wanted: Callable[[LogEntry], bool]
    ) -> LogEntry | None:
        """Return the last entry of a call that passes a filter; None if there is none."""
        own = (log_pages.c.conversation_key == conversation_key, log_pages.c.call_key == call_key)
        bound: ColumnElement[bool] = true()
        while True:
            query = chunks_query().where(*own, bound).order_by(log_pages.c.first_number.desc())
            rows = (await self.connection.execute(query.limit(CHUNKS_AT_ONCE))).all()
            for row in rows:
                found = [entry for entry in chunk_of(row).entries(row.call_id) if wanted(entry)]
                if found:
                    return found[-1]
            if len(rows) < CHUNKS_AT_ONCE:
                return None
            bound = log_pages.c.first_number < rows[-1].first_number

    async def number_before(self, conversation_key: int, instant: datetime) -> int:
        """Return the number of the last entry committed before an instant; 0 if there is none."""
        here = log_pages.c.conversation_key == conversation_key
        last = select(func.max(log_pages.c.first_number)).where(here, log_pages.c.commit_time < instant)
        first = (await self.connection.execute(last)).scalar_one()
        if first is None:
            return 0
        query = chunks_query().where(here, log_pages.c.first_number == first)
        chunk = chunk_of((await self.connection.execute(query)).one())
        before = micros_of(instant)
        return max(entry.number for entry in chunk.entries(None) if entry.commit_micros < before)

    async def open_utterances(self, conversation_key: int) -> list[Revision]:
        """Return the open utterances of a conversation, the earliest first."""
        query = select(open_utterances).where(open_utterances.c.conversation_key == conversation_key)
        order = (open_utterances.c.start_time, open_utterances.c.utterance_id)
        return [revision_of(row) for row in await self.connection.execute(query.order_by(*order))]

    async def feed_end(self, customer_id: str) -> FeedEnd:
        """Return the end of a customer's feed; zeros if the feed doesn't exist."""
        query = select(feeds.c.version, feeds.c.last_position).where(feeds.c.customer_id == customer_id)
        row = (await self.connection.execute(query)).one_or_none()
        return FeedEnd(0, 0) if row is None else FeedEnd(row.version, row.last_position)

    async def feed_ends(self, customer_ids: Iterable[str]) -> dict[str, int]:
        """Return the last positions of these customers' feeds, by customer id."""
        query = select(feeds.c.customer_id, feeds.c.last_position)
        wanted = feeds.c.customer_id.in_(list(customer_ids))
        rows = await self.connection.execute(query.where(wanted))
        return {row.customer_id: row.last_position for row in rows}

    async def _walk(
        self, conversation_key: int, first_number: int, *, at_once: int
    ) -> AsyncIterator[LogEntry]:
        """Yield the entries from `first_number` to the end of the log."""
        bound = from_chunk_of(conversation_key, first_number)
        while True:
            query = chunks_query().where(log_pages.c.conversation_key == conversation_key, bound)
            query = query.order_by(log_pages.c.first_number).limit(at_once)
            rows = (await self.connection.execute(query)).all()
            for row in rows:
                for entry in chunk_of(row).entries(row.call_id):
                    if entry.number >= first_number:
                        yield entry
            if len(rows) < at_once:
                return
            bound = log_pages.c.first_number > rows[-1].first_number


def chunks_query() -> Select[Any]:
    """Return a query for chunks with the ids of their calls."""
    return select(log_pages, calls.c.call_id).join(calls, log_pages.c.call_key == calls.c.key, isouter=True)


def from_chunk_of(conversation_key: int, number: int) -> ColumnElement[bool]:
    """Return the condition for the chunk that holds an entry, and for all chunks after it."""
    holding = log_pages.alias()
    first = select(func.max(holding.c.first_number)).where(
        holding.c.conversation_key == conversation_key, holding.c.first_number <= number
    )
    return log_pages.c.first_number >= func.coalesce(first.scalar_subquery(), 0)


def chunk_of(row: Row[Any]) -> Chunk:
    """Return the chunk in a row of `chunks_query`."""
    return Chunk(
        row.conversation_key,
        row.first_number,
        row.call_key,
        micros_of(row.commit_time),
        Packing(row.packing),
        row.content,
    )


def run_of(row: Row[Any]) -> FeedRun:
    """Return the run in a row of `feed_runs`."""
    kind = RunKind(row.kind)
    return FeedRun(row.first_position, row.conversation_id, row.first_number, row.length, kind)


def revision_of(row: Row[Any]) -> Revision:
    """Return the revision in a row of `open_utterances`."""
    return Revision(
        entry_id=id_bytes(row.utterance_id),
        speaker=row.speaker,
        revision=row.revision,
        start_micros=micros_of(row.start_time),
        content=row.content,
        conversation_key=row.conversation_key,
        call_key=row.call_key,
        revise_micros=micros_of(row.revise_time),
    )
