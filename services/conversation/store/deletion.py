"""Deletion of a conversation, and the list of its calls to clean up. The list holds no spoken text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import LargeBinary, delete, func, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.conversation.model.records import Conversation
from services.conversation.store.schema import (
    calls,
    conversations,
    deleted_calls,
    feed_runs,
    feeds,
    requests,
)


@dataclass(frozen=True, slots=True)
class DeletedCall:
    """A call of a deleted conversation. Its room must be closed, and its grant must be revoked."""

    call_id: str
    room: str
    delete_time: datetime


async def delete_conversation(connection: AsyncConnection, conversation: Conversation, now: datetime) -> None:
    """Delete a conversation, all of its rows, and the stored answers that contain its id."""
    here = calls.c.conversation_key == conversation.key
    query = select(calls.c.call_id, calls.c.room).where(here, calls.c.sealed_grant.is_not(None))
    found = await connection.execute(query)
    rows = [{"call_id": row.call_id, "room": row.room, "delete_time": now} for row in found]
    if rows:
        await connection.execute(insert(deleted_calls), rows)
    await connection.execute(delete(conversations).where(conversations.c.key == conversation.key))
    await _purge_answers(connection, conversation)


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
