"""Deletion of a conversation in steps, and the list of its calls to clean up, which holds no spoken text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from readback.conversation.v1 import conversation_service_pb2 as pb
from sqlalchemy import LargeBinary, Table, delete, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.conversation.model.records import Conversation
from services.conversation.slow_work import STEP_ROWS
from services.conversation.store.schema import (
    NOBODY,
    calls,
    conversations,
    deleted_calls,
    feed_runs,
    feeds,
    log_pages,
    open_utterances,
    requests,
    spoken_entries,
)
from services.conversation.store.schema import hidden_logs as hidden_logs_table

LARGE_TABLES = (log_pages, spoken_entries)
"""Tables with many rows of a log, which are deleted in steps. The second part of their keys is a number."""


@dataclass(frozen=True, slots=True)
class DeletedCall:
    """A call of a deleted conversation. Its room must be closed, and its grant must be revoked."""

    call_id: str
    room: str
    delete_time: datetime


@dataclass(frozen=True, slots=True)
class HiddenLog:
    """The log of a deleted conversation that is not yet erased."""

    key: int
    customer_id: str
    """The former owner."""
    reached: int
    """The words of the entries up to this number are removed from the search index."""


async def hide_conversation(connection: AsyncConnection, conversation: Conversation, now: datetime) -> None:
    """Take a conversation from its owner and end its calls. Delete its open utterances and answers."""
    here = calls.c.conversation_key == conversation.key
    query = select(calls.c.call_id, calls.c.room).where(here, calls.c.sealed_grant.is_not(None))
    found = await connection.execute(query)
    rows = [{"call_id": row.call_id, "room": row.room, "delete_time": now} for row in found]
    if rows:
        await connection.execute(insert(deleted_calls), rows)
    ended = {"state": pb.CALL_STATE_ENDED, "holder": None, "sealed_grant": None}
    await connection.execute(update(calls).where(here).values(ended))
    await connection.execute(
        delete(open_utterances).where(open_utterances.c.conversation_key == conversation.key)
    )
    hidden = {"customer_id": NOBODY, "title": "", "state": pb.CONVERSATION_STATE_ENDED}
    await connection.execute(
        update(conversations).where(conversations.c.key == conversation.key).values(hidden)
    )
    await connection.execute(
        insert(hidden_logs_table).values(
            conversation_key=conversation.key, customer_id=conversation.customer_id, reached=0
        )
    )
    await _purge_answers(connection, conversation)


async def hidden_logs(connection: AsyncConnection) -> Sequence[HiddenLog]:
    """Return all hidden logs."""
    rows = await connection.execute(select(hidden_logs_table))
    return [HiddenLog(row.conversation_key, row.customer_id, row.reached) for row in rows]


async def hidden_log(connection: AsyncConnection, key: int) -> HiddenLog | None:
    """Return the hidden log with this key; None if it is erased."""
    query = select(hidden_logs_table).where(hidden_logs_table.c.conversation_key == key)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else HiddenLog(row.conversation_key, row.customer_id, row.reached)


async def advance(connection: AsyncConnection, log: HiddenLog, reached: int) -> bool:
    """Store that the words up to `reached` are removed. Return False if another replica was faster."""
    here = (hidden_logs_table.c.conversation_key == log.key, hidden_logs_table.c.reached == log.reached)
    result = await connection.execute(update(hidden_logs_table).where(*here).values(reached=reached))
    return result.rowcount == 1


async def delete_rows(connection: AsyncConnection, table: Table, key: int) -> bool:
    """Delete some rows of a log from a table. Return False if there are none."""
    here = table.c.conversation_key == key
    _, number = table.primary_key
    some = select(number).where(here).order_by(number).limit(STEP_ROWS)
    return (await connection.execute(delete(table).where(here, number.in_(some)))).rowcount > 0


async def delete_conversation(connection: AsyncConnection, key: int) -> None:
    """Delete a hidden conversation with all rows that are left."""
    await connection.execute(delete(conversations).where(conversations.c.key == key))


async def delete_customer(connection: AsyncConnection, customer_id: str) -> None:
    """Delete what remains of a customer without conversations: the feed, and the stored answers."""
    await connection.execute(delete(feed_runs).where(feed_runs.c.customer_id == customer_id))
    await connection.execute(delete(feeds).where(feeds.c.customer_id == customer_id))
    await connection.execute(delete(requests).where(requests.c.owner == customer_id))


async def deleted_calls_to_clean_up(connection: AsyncConnection, *, limit: int) -> Sequence[DeletedCall]:
    """Return up to `limit` calls that must be cleaned up, the oldest deletion first."""
    rows = await connection.execute(select(deleted_calls).order_by(deleted_calls.c.delete_time).limit(limit))
    return [DeletedCall(**row._mapping) for row in rows]


async def purge_deleted_calls(connection: AsyncConnection, call_ids: Sequence[str]) -> None:
    """Remove calls from the list. Call it after they are cleaned up."""
    await connection.execute(delete(deleted_calls).where(deleted_calls.c.call_id.in_(call_ids)))


async def _purge_answers(connection: AsyncConnection, conversation: Conversation) -> None:
    # An answer with the conversation's id may also contain its title, which quotes the customer.
    named = literal(conversation.conversation_id.encode(), LargeBinary)
    place = (
        func.instr(requests.c.response, named)
        if connection.dialect.name == "sqlite"
        else func.position(named.op("IN")(requests.c.response))
    )
    await connection.execute(delete(requests).where(requests.c.owner == conversation.customer_id, place > 0))
