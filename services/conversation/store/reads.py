"""Reading a log, and a customer's feed over all of their logs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.conversation.model.chunks import Packing, PageRow, entries_of
from services.conversation.model.records import FeedEnd, FeedRun, OpenSpeech, RunKind, StoredEntry
from services.conversation.model.times import micros_of
from services.conversation.store.schema import calls, feed_runs, feeds, log_pages, open_utterances

PAGES_AT_ONCE = 16
"""Rows read at a time: some two hundred entries."""
READ_BYTES = 8 * 1024 * 1024
"""Contents that are held in memory at once, about, where a caller reads on anyway."""
Wanted = Callable[[StoredEntry], bool]


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
        wanted: Wanted = lambda _: True,
    ) -> list[StoredEntry]:
        """Wanted entries in the order of the log, the first one after `number`.

        Args:
            limit: how many at most. None come only where there are none left.
            most_bytes: of contents; the last entry is the one with which they are more, and never the only one.
        """
        found: list[StoredEntry] = []
        size = 0
        async for entry in self._walk(conversation_key, number + 1, at_once=min(limit, PAGES_AT_ONCE)):
            if wanted(entry):
                found.append(entry)
                size += len(entry.content)
                if len(found) == limit or (size > most_bytes and len(found) > 1):
                    break
        return found

    async def number_before(self, conversation_key: int, instant: datetime) -> int:
        """The number of the last entry stored before an instant; 0 when there is none."""
        begun = (log_pages.c.conversation_key == conversation_key, log_pages.c.commit_time < instant)
        first = (
            await self.connection.execute(select(func.max(log_pages.c.first_number)).where(*begun))
        ).scalar_one()
        number, micros = 0, micros_of(instant)
        if first is not None:
            for entry in await self._page(conversation_key, first):
                number = entry.number if entry.commit_micros < micros else number
        return number

    async def open_utterances(self, conversation_key: int) -> list[OpenSpeech]:
        """What is being spoken in a conversation, the earliest first."""
        query = select(open_utterances).where(open_utterances.c.conversation_key == conversation_key)
        rows = await self.connection.execute(
            query.order_by(open_utterances.c.start_time, open_utterances.c.utterance_id)
        )
        return [OpenSpeech(**row._mapping) for row in rows]

    async def feed_end(self, customer_id: str) -> FeedEnd:
        """The end of a customer's feed."""
        query = select(feeds.c.version, feeds.c.last_position).where(feeds.c.customer_id == customer_id)
        row = (await self.connection.execute(query)).one_or_none()
        return FeedEnd(0, 0) if row is None else FeedEnd(row.version, row.last_position)

    async def feed_ends(self, customer_ids: Iterable[str]) -> dict[str, int]:
        """The last position of each of these customers' feeds, by customer."""
        query = select(feeds.c.customer_id, feeds.c.last_position).where(
            feeds.c.customer_id.in_(list(customer_ids))
        )
        return {row.customer_id: row.last_position for row in await self.connection.execute(query)}

    async def feed_runs_after(self, customer_id: str, position: int, *, limit: int) -> list[FeedRun]:
        """Runs of a customer's feed in order, the first one the one that holds the position after `position`."""
        own = feed_runs.c.customer_id == customer_id
        first = (
            select(func.max(feed_runs.c.first_position))
            .where(own, feed_runs.c.first_position <= position + 1)
            .scalar_subquery()
        )
        query = select(feed_runs).where(own, feed_runs.c.first_position >= func.coalesce(first, 0))
        rows = await self.connection.execute(query.order_by(feed_runs.c.first_position).limit(limit))
        return [run for run in map(run_of, rows) if run.last_position > position]

    async def _walk(
        self, conversation_key: int, first_number: int, *, at_once: int
    ) -> AsyncIterator[StoredEntry]:
        """Entries in the order of the log from a number on."""
        start: int | None = None
        while True:
            bound = (
                log_pages.c.first_number > start
                if start is not None
                else from_page_of(conversation_key, first_number)
            )
            query = pages_query().where(log_pages.c.conversation_key == conversation_key, bound)
            rows = (
                await self.connection.execute(query.order_by(log_pages.c.first_number).limit(at_once))
            ).all()
            for row in rows:
                for entry in entries_of(page_row(row), row.call_id):
                    if entry.number >= first_number:
                        yield entry
            if len(rows) < at_once:
                return
            start = rows[-1].first_number

    async def _page(self, conversation_key: int, first_number: int) -> list[StoredEntry]:
        where = (log_pages.c.conversation_key == conversation_key, log_pages.c.first_number == first_number)
        row = (await self.connection.execute(pages_query().where(*where))).one()
        return list(entries_of(page_row(row), row.call_id))


def pages_query() -> Select[tuple[object, ...]]:
    """Pages with their calls' ids."""
    return select(log_pages, calls.c.call_id).join(calls, log_pages.c.call_key == calls.c.key, isouter=True)


def from_page_of(conversation_key: int, number: int) -> ColumnElement[bool]:
    """The page that holds an entry, and those after it."""
    pages = log_pages.alias()
    holding = select(func.max(pages.c.first_number)).where(
        pages.c.conversation_key == conversation_key, pages.c.first_number <= number
    )
    return log_pages.c.first_number >= func.coalesce(holding.scalar_subquery(), 0)


def page_row(row: Row[tuple[object, ...]]) -> PageRow:
    """A page out of `pages_query`."""
    found = row._mapping
    return PageRow(
        found["conversation_key"],
        found["first_number"],
        found["call_key"],
        micros_of(found["commit_time"]),
        Packing(found["packing"]),
        found["content"],
    )


def run_of(row: Row[tuple[object, ...]]) -> FeedRun:
    """A run out of its row."""
    found = row._mapping
    return FeedRun(
        found["first_position"],
        found["conversation_id"],
        found["first_number"],
        found["length"],
        RunKind(found["kind"]),
    )
