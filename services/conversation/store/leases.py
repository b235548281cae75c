"""Which replica holds which calls, and which replicas are alive."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from readback.conversation.v1 import conversation_service_pb2 as pb
from sqlalchemy import delete, insert, literal_column, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.conversation.model.records import Call
from services.conversation.store.schema import calls, conversations, replicas

_RUNNING = calls.c.state != literal_column(str(pb.CALL_STATE_ENDED))  # in the words of the index
_CALLS = select(calls, conversations.c.conversation_id, conversations.c.customer_id).join(
    conversations, calls.c.conversation_key == conversations.c.key
)


async def renew(connection: AsyncConnection, replica_id: str, now: datetime) -> None:
    """Says that a replica is alive."""
    renewed = await connection.execute(
        update(replicas).where(replicas.c.replica_id == replica_id).values(renew_time=now)
    )
    if not renewed.rowcount:
        await connection.execute(insert(replicas).values(replica_id=replica_id, renew_time=now))


async def renewals(connection: AsyncConnection) -> Mapping[str, datetime]:
    """When each replica last said so, by its own clock."""
    return {row.replica_id: row.renew_time for row in await connection.execute(select(replicas))}


async def forget_replicas(connection: AsyncConnection, before: datetime) -> None:
    """Deletes the replicas that said so last before a time."""
    await connection.execute(delete(replicas).where(replicas.c.renew_time < before))


async def writers_held_by(connection: AsyncConnection, replica_id: str) -> Mapping[str, tuple[int, str]]:
    """Epoch and writer of each running call whose stream a replica has, by the call's id."""
    query = select(calls.c.call_id, calls.c.epoch, calls.c.writer_id).where(
        _RUNNING, calls.c.holder == replica_id
    )
    return {row.call_id: (row.epoch, row.writer_id) for row in await connection.execute(query)}


async def held_by_none(connection: AsyncConnection, alive: Collection[str]) -> Sequence[Call]:
    """The running calls that no living replica holds."""
    unheld = or_(calls.c.holder.is_(None), calls.c.holder.not_in(alive))
    return [Call(**row._mapping) for row in await connection.execute(_CALLS.where(_RUNNING, unheld))]


async def lock_held_by(
    connection: AsyncConnection, replica_id: str, call_ids: Iterable[str]
) -> Sequence[str]:
    """Those of the calls that a replica has; nobody opens one of them until the transaction ends."""
    query = (
        select(calls.c.call_id)
        .where(calls.c.holder == replica_id, calls.c.call_id.in_(list(call_ids)))
        .with_for_update()
    )
    return list((await connection.execute(query)).scalars())


async def release(connection: AsyncConnection, replica_id: str, call_ids: Iterable[str]) -> None:
    """Gives up the calls that a replica held; those that moved on meanwhile stay as they are."""
    await connection.execute(
        update(calls)
        .where(calls.c.holder == replica_id, calls.c.call_id.in_(list(call_ids)))
        .values(holder=None)
    )
