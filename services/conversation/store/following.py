"""What watchers read: a log from a position on. Each question is one statement, so that its answer is of one moment."""

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

from services.conversation.model.chunks import Packing, PageRow
from services.conversation.model.records import FeedRun, OpenSpeech, RunKind
from services.conversation.store.reads import run_of
from services.conversation.store.schema import (
    calls,
    conversations,
    feed_runs,
    feeds,
    log_pages,
    open_utterances,
)

SPAN = 2400
"""Positions that one question covers. Without an end, a database may sort all the rest of a log to give the first of it."""

_PAGE = (
    log_pages.c.conversation_key,
    log_pages.c.first_number.label("page_number"),
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


class CallPage(NamedTuple):
    """A page, and the call of its entries."""

    row: PageRow
    call_id: str | None


@dataclass(frozen=True, slots=True)
class ConversationPages:
    """A piece of a conversation's log."""

    key: int
    head: int
    """Number of the last entry there was."""
    ended: bool
    pages: Sequence[CallPage]


@dataclass(frozen=True, slots=True)
class FeedPages:
    """A piece of a customer's feed: runs in order, each once for every page that holds entries of it."""

    head: int
    """The last position there was."""
    runs: Sequence[tuple[FeedRun, CallPage | None]]
    """Without a page: a deletion, or a run whose entries are gone."""


def _holds_from(key: ColumnElement[int], number: ColumnElement[int] | int) -> ColumnElement[bool]:
    """Joins the pages of a conversation from the one on that holds a number."""
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
    columns = (conversations.c.key, conversations.c.last_number, conversations.c.state, *_PAGE)
    number: ColumnElement[int] = bindparam("number", type_=BigInteger)
    pages = and_(_holds_from(conversations.c.key, number), log_pages.c.first_number < number + SPAN)
    there = conversations.outerjoin(log_pages, pages).outerjoin(calls, calls.c.key == log_pages.c.call_key)
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
    pages = and_(
        feed_runs.c.kind == RunKind.ENTRIES,
        log_pages.c.first_number < feed_runs.c.first_number + feed_runs.c.length,
        log_pages.c.first_number < feed_runs.c.first_number + (position + SPAN - feed_runs.c.first_position),
        _holds_from(conversations.c.key, feed_runs.c.first_number + skipped),
    )
    there = (
        feeds.outerjoin(feed_runs, runs)
        .outerjoin(conversations, conversations.c.conversation_id == feed_runs.c.conversation_id)
        .outerjoin(log_pages, pages)
        .outerjoin(calls, calls.c.key == log_pages.c.call_key)
    )
    query = (
        select(feeds.c.last_position, *_RUN, *_PAGE)
        .select_from(there)
        .where(feeds.c.customer_id == bindparam("customer_id"))
    )
    return query.order_by(feed_runs.c.first_position, log_pages.c.first_number).limit(bindparam("rows"))


# Made once: putting such a statement together takes longer than running it.
_CONVERSATION_AFTER, _FEED_AFTER = _conversation_after(), _feed_after()


async def conversation_after(
    connection: AsyncConnection, conversation_id: str, number: int, *, limit: int
) -> ConversationPages | None:
    """Up to `limit` pages that hold the `SPAN` numbers after a number; None when there is no such conversation."""
    asked = {"conversation_id": conversation_id, "number": number + 1, "rows": limit}
    rows = (await connection.execute(_CONVERSATION_AFTER, asked)).all()
    if not rows:
        return None
    pages = [page for page in map(_page, rows) if page is not None]
    return ConversationPages(
        rows[0].key, rows[0].last_number, rows[0].state == pb.CONVERSATION_STATE_ENDED, pages
    )


async def feed_after(
    connection: AsyncConnection, customer_id: str, position: int, *, limit: int
) -> FeedPages:
    """Up to `limit` rows of the `SPAN` positions after a position."""
    asked = {"customer_id": customer_id, "position": position + 1, "rows": limit}
    rows = (await connection.execute(_FEED_AFTER, asked)).all()
    return FeedPages(
        rows[0].last_position if rows else 0,
        [(run_of(row), _page(row)) for row in rows if row.length is not None],
    )


async def pages_at(connection: AsyncConnection, customer_id: str, instant: int) -> Mapping[str, CallPage]:
    """By id, of each conversation of a customer to which something was added at an instant (microseconds since 1970) or later: the page
    that holds the last entry committed before it, or the first page when all came later."""
    earlier = log_pages.alias("earlier")
    last = select(func.max(earlier.c.first_number)).where(
        earlier.c.conversation_key == conversations.c.key,
        type_coerce(earlier.c.commit_time, BigInteger) < instant,
    )
    pages = and_(
        log_pages.c.conversation_key == conversations.c.key,
        log_pages.c.first_number == func.coalesce(last.correlate(conversations).scalar_subquery(), 1),
    )
    there = conversations.join(log_pages, pages).outerjoin(calls, calls.c.key == log_pages.c.call_key)
    added_since = type_coerce(conversations.c.update_time, BigInteger) >= instant
    query = select(conversations.c.conversation_id, *_PAGE).select_from(there)
    rows = await connection.execute(query.where(conversations.c.customer_id == customer_id, added_since))
    return {row.conversation_id: page for row in rows if (page := _page(row)) is not None}


async def runs_of(
    connection: AsyncConnection, customer_id: str, conversation_ids: Iterable[str]
) -> Sequence[FeedRun]:
    """The runs of entries of these conversations in a customer's feed, in order."""
    query = select(*_RUN).where(
        feed_runs.c.customer_id == customer_id,
        feed_runs.c.conversation_id.in_(list(conversation_ids)),
        feed_runs.c.kind == RunKind.ENTRIES,
    )
    rows: Sequence[Any] = (await connection.execute(query.order_by(feed_runs.c.first_position))).all()
    return [run_of(row) for row in rows]


async def spoken_by(connection: AsyncConnection, customer_id: str) -> Sequence[tuple[str, OpenSpeech]]:
    """What is being spoken in any conversation of a customer, the earliest first, each with the conversation's id."""
    query = select(conversations.c.conversation_id, open_utterances).join(
        open_utterances, open_utterances.c.conversation_key == conversations.c.key
    )
    rows = await connection.execute(
        query.where(conversations.c.customer_id == customer_id).order_by(open_utterances.c.start_time)
    )
    return [
        (row.conversation_id, OpenSpeech(**{c.name: row._mapping[c] for c in open_utterances.c}))
        for row in rows
    ]


def _page(row: Row[Any]) -> CallPage | None:
    # By place: a column by its name takes as long as all of these together, and a log is caught up with thousands of rows at a time.
    key, first_number, call_key, commit_time, packing, content, call_id = row[-len(_PAGE) :]
    if content is None:
        return None
    return CallPage(PageRow(key, first_number, call_key, commit_time, _PACKINGS[packing], content), call_id)
