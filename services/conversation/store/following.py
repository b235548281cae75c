"""Reads for watchers: the entries of a log after a position.

Each read is a single statement, so that it sees one snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from readback.conversation.v1 import conversation_service_pb2 as pb
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    case,
    func,
    select,
    type_coerce,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from services.conversation.model.chunks import Chunk, Packing
from services.conversation.model.entries import Revision
from services.conversation.model.feeds import FeedRun, RunKind
from services.conversation.store.reads import revision_of, run_of
from services.conversation.store.schema import (
    calls,
    conversations,
    feed_runs,
    feeds,
    log_pages,
    open_utterances,
)

SPAN = 2400
"""Number of positions that one read covers. Without this limit, a database might sort all remaining entries
of a log to return the first ones."""

_CHUNK = (
    log_pages.c.conversation_key,
    log_pages.c.first_number.label("chunk_number"),
    log_pages.c.call_key,
    type_coerce(log_pages.c.commit_time, BigInteger).label("commit_time"),
    log_pages.c.packing,
    log_pages.c.content,
    calls.c.call_id,
)
_PACKINGS = {int(packing): packing for packing in Packing}
_RUN = (
    feed_runs.c.first_position,
    feed_runs.c.conversation_id,
    feed_runs.c.first_number,
    feed_runs.c.length,
    feed_runs.c.kind,
)


class CallChunk(NamedTuple):
    """A chunk, and the id of the call to which its entries belong."""

    chunk: Chunk
    call_id: str | None


@dataclass(frozen=True, slots=True)
class ConversationRead:
    """The result of reading a part of a conversation's log."""

    key: int
    head: int
    """Number of the last entry at the time of the read."""
    ended: bool
    chunks: Sequence[CallChunk]


@dataclass(frozen=True, slots=True)
class FeedRead:
    """The result of reading a part of a customer's feed."""

    head: int
    """Last position of the feed at the time of the read."""
    runs: Sequence[tuple[FeedRun, CallChunk | None]]
    """The runs in order, each with one chunk of its entries. A run with several chunks is repeated. The chunk
    is None if the run is a deletion or if its entries are gone."""


def _holds_from(key: ColumnElement[int], number: ColumnElement[int] | int) -> ColumnElement[bool]:
    """Return the join condition for the chunk that contains this number, and the chunks after it."""
    start = log_pages.alias("start")
    first = select(func.max(start.c.first_number)).where(
        start.c.conversation_key == key, start.c.first_number <= number
    )
    return and_(
        log_pages.c.conversation_key == key,
        log_pages.c.first_number
        >= func.coalesce(first.correlate(conversations, feed_runs).scalar_subquery(), 0),
    )


def _conversation_after() -> Select[Any]:
    columns = (conversations.c.key, conversations.c.last_number, conversations.c.state, *_CHUNK)
    number: ColumnElement[int] = bindparam("number", type_=BigInteger)
    chunks = and_(_holds_from(conversations.c.key, number), log_pages.c.first_number < number + SPAN)
    there = conversations.outerjoin(log_pages, chunks).outerjoin(calls, calls.c.key == log_pages.c.call_key)
    query = (
        select(*columns)
        .select_from(there)
        .where(conversations.c.conversation_id == bindparam("conversation_id"))
    )
    return query.order_by(log_pages.c.first_number).limit(bindparam("rows"))


def _feed_after() -> Select[Any]:
    position: ColumnElement[int] = bindparam("position", type_=BigInteger)
    own = feed_runs.c.customer_id == bindparam("customer_id")
    first = select(func.max(feed_runs.c.first_position)).where(own, feed_runs.c.first_position <= position)
    runs = and_(
        own,
        feed_runs.c.first_position >= func.coalesce(first.scalar_subquery(), 0),
        feed_runs.c.first_position < position + SPAN,
    )
    skipped = case((feed_runs.c.first_position >= position, 0), else_=position - feed_runs.c.first_position)
    chunks = and_(
        feed_runs.c.kind == RunKind.ENTRIES,
        log_pages.c.first_number < feed_runs.c.first_number + feed_runs.c.length,
        log_pages.c.first_number < feed_runs.c.first_number + (position + SPAN - feed_runs.c.first_position),
        _holds_from(conversations.c.key, feed_runs.c.first_number + skipped),
    )
    there = (
        feeds.outerjoin(feed_runs, runs)
        .outerjoin(conversations, conversations.c.conversation_id == feed_runs.c.conversation_id)
        .outerjoin(log_pages, chunks)
        .outerjoin(calls, calls.c.key == log_pages.c.call_key)
    )
    query = (
        select(feeds.c.last_position, *_RUN, *_CHUNK)
        .select_from(there)
        .where(feeds.c.customer_id == bindparam("customer_id"))
    )
    return query.order_by(feed_runs.c.first_position, log_pages.c.first_number).limit(bindparam("rows"))


# Built only once, because building a statement takes longer than executing it.
_CONVERSATION_AFTER, _FEED_AFTER = _conversation_after(), _feed_after()


async def conversation_after(
    connection: AsyncConnection, conversation_id: str, number: int, *, limit: int
) -> ConversationRead | None:
    """Read the entries with the next `SPAN` numbers after a number, at most `limit` chunks.

    Return None if there is no such conversation.
    """
    asked = {"conversation_id": conversation_id, "number": number + 1, "rows": limit}
    rows = (await connection.execute(_CONVERSATION_AFTER, asked)).all()
    if not rows:
        return None
    chunks = [chunk for chunk in map(_chunk, rows) if chunk is not None]
    ended = rows[0].state == pb.CONVERSATION_STATE_ENDED
    return ConversationRead(rows[0].key, rows[0].last_number, ended, chunks)


async def feed_after(connection: AsyncConnection, customer_id: str, position: int, *, limit: int) -> FeedRead:
    """Read the next `SPAN` positions after a position, at most `limit` pairs of run and chunk."""
    asked = {"customer_id": customer_id, "position": position + 1, "rows": limit}
    rows = (await connection.execute(_FEED_AFTER, asked)).all()
    return FeedRead(
        rows[0].last_position if rows else 0,
        [(run_of(row), _chunk(row)) for row in rows if row.length is not None],
    )


async def chunks_at(connection: AsyncConnection, customer_id: str, instant: int) -> Mapping[str, CallChunk]:
    """Return each conversation's last chunk at an instant, by conversation id.

    It is the last chunk that begins before the instant (microseconds since 1970); if there is none, the first
    chunk. The first entry committed at the instant or later is in this chunk or directly after it. The
    customer's conversations without such an entry are left out.
    """
    earlier = log_pages.alias("earlier")
    last = select(func.max(earlier.c.first_number)).where(
        earlier.c.conversation_key == conversations.c.key,
        type_coerce(earlier.c.commit_time, BigInteger) < instant,
    )
    chunks = and_(
        log_pages.c.conversation_key == conversations.c.key,
        log_pages.c.first_number == func.coalesce(last.correlate(conversations).scalar_subquery(), 1),
    )
    there = conversations.join(log_pages, chunks).outerjoin(calls, calls.c.key == log_pages.c.call_key)
    added_since = type_coerce(conversations.c.last_entry_time, BigInteger) >= instant
    query = select(conversations.c.conversation_id, *_CHUNK).select_from(there)
    rows = await connection.execute(query.where(conversations.c.customer_id == customer_id, added_since))
    return {row.conversation_id: chunk for row in rows if (chunk := _chunk(row)) is not None}


async def runs_of(
    connection: AsyncConnection, customer_id: str, conversation_ids: Iterable[str]
) -> Sequence[FeedRun]:
    """Return the runs with entries of these conversations in a customer's feed, in order."""
    query = select(*_RUN).where(
        feed_runs.c.customer_id == customer_id,
        feed_runs.c.conversation_id.in_(list(conversation_ids)),
        feed_runs.c.kind == RunKind.ENTRIES,
    )
    rows: Sequence[Any] = (await connection.execute(query.order_by(feed_runs.c.first_position))).all()
    return [run_of(row) for row in rows]


async def open_utterances_of(connection: AsyncConnection, customer_id: str) -> Sequence[tuple[str, Revision]]:
    """Return a customer's open utterances with the ids of their conversations, the earliest first."""
    query = select(conversations.c.conversation_id, open_utterances).join(
        open_utterances, open_utterances.c.conversation_key == conversations.c.key
    )
    query = query.where(conversations.c.customer_id == customer_id).order_by(open_utterances.c.start_time)
    return [(row.conversation_id, revision_of(row)) for row in await connection.execute(query)]


def _chunk(row: Row[Any]) -> CallChunk | None:
    # Read by index, because one access by column name takes as long as all of these, and a watcher that
    # catches up reads thousands of rows.
    key, first_number, call_key, commit_time, packing, content, call_id = row[-len(_CHUNK) :]
    if content is None:
        return None
    return CallChunk(Chunk(key, first_number, call_key, commit_time, _PACKINGS[packing], content), call_id)
