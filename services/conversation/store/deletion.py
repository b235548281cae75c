"""Deleting a conversation, and what is remembered of one that is gone: nothing that was said, only what is still to be cleared up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from readback.conversation.v1 import conversation_service_pb2 as pb
from sqlalchemy import LargeBinary, delete, func, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.conversation.model.records import Conversation
from services.conversation.store.schema import calls, conversations, deleted_calls, requests


@dataclass(frozen=True, slots=True)
class DeletedCall:
    """A call of a deleted conversation whose room is still to be closed and whose grant is still to be revoked."""

    call_id: str
    room: str
    delete_time: datetime


async def delete_conversation(connection: AsyncConnection, conversation: Conversation, now: datetime) -> None:
    """Deletes a conversation with its calls, its entries and what is being spoken, and the answers that told of it."""
    here = calls.c.conversation_key == conversation.key
    left = select(calls.c.call_id, calls.c.room).where(here, calls.c.sealed_grant.is_not(None))
    rows = [
        {"call_id": row.call_id, "room": row.room, "delete_time": now}
        for row in await connection.execute(left)
    ]
    if rows:
        await connection.execute(insert(deleted_calls), rows)
    await connection.execute(delete(conversations).where(conversations.c.key == conversation.key))
    await _forget_answers(connection, conversation)


async def running_call_id(connection: AsyncConnection, conversation_key: int) -> str | None:
    """The running call of a conversation."""
    query = select(calls.c.call_id).where(
        calls.c.conversation_key == conversation_key, calls.c.state != pb.CALL_STATE_ENDED
    )
    found: str | None = (await connection.execute(query)).scalar_one_or_none()
    return found


async def deleted_calls_left(connection: AsyncConnection, *, limit: int) -> Sequence[DeletedCall]:
    """Calls that are still to be cleared up."""
    rows = await connection.execute(select(deleted_calls).order_by(deleted_calls.c.delete_time).limit(limit))
    return [DeletedCall(**row._mapping) for row in rows]


async def forget_deleted_calls(connection: AsyncConnection, call_ids: Sequence[str]) -> None:
    """Calls that are cleared up."""
    await connection.execute(delete(deleted_calls).where(deleted_calls.c.call_id.in_(call_ids)))


async def _forget_answers(connection: AsyncConnection, conversation: Conversation) -> None:
    # Answers name their conversation; a title in one is what the customer said.
    named = literal(conversation.conversation_id.encode(), LargeBinary)
    place = (
        func.instr(requests.c.response, named)
        if connection.dialect.name == "sqlite"
        else func.position(named.op("IN")(requests.c.response))
    )
    await connection.execute(delete(requests).where(requests.c.owner == conversation.customer_id, place > 0))
