"""Leases: the replica that holds each call, and the last renewal of each replica."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.conversation.model.records import Call
from services.conversation.store.schema import calls, replicas
from services.conversation.store.transactions import CALLS, RUNNING


async def renew(connection: AsyncConnection, replica_id: str, now: datetime) -> None:
    """Store `now` as the time of a replica's last renewal."""
    renewal = update(replicas).where(replicas.c.replica_id == replica_id).values(renew_time=now)
    if not (await connection.execute(renewal)).rowcount:
        await connection.execute(insert(replicas).values(replica_id=replica_id, renew_time=now))


async def renewals(connection: AsyncConnection) -> Mapping[str, datetime]:
    """Return the time of each replica's last renewal, by replica id. Each time is of that replica's clock."""
    return {row.replica_id: row.renew_time for row in await connection.execute(select(replicas))}


async def purge_replicas(connection: AsyncConnection, before: datetime) -> None:
    """Delete the replicas whose last renewal was before a time."""
    await connection.execute(delete(replicas).where(replicas.c.renew_time < before))


async def writers_held_by(connection: AsyncConnection, replica_id: str) -> Mapping[str, tuple[int, str]]:
    """Return the epoch and the writer's id of each running call that a replica holds, by call id."""
    query = select(calls.c.call_id, calls.c.epoch, calls.c.writer_id)
    rows = await connection.execute(query.where(RUNNING, calls.c.holder == replica_id))
    return {row.call_id: (row.epoch, row.writer_id) for row in rows}


async def held_by_none(connection: AsyncConnection, alive: Collection[str]) -> Sequence[Call]:
    """Return the running calls that none of the replicas `alive` holds."""
    unheld = or_(calls.c.holder.is_(None), calls.c.holder.not_in(alive))
    return [Call(**row._mapping) for row in await connection.execute(CALLS.where(RUNNING, unheld))]


async def lock_held_by(
    connection: AsyncConnection, replica_id: str, call_ids: Iterable[str]
) -> Sequence[str]:
    """Lock those of the calls `call_ids` that a replica holds; return the ids of the locked calls.

    No writer can open these calls until the transaction ends.
    """
    held = calls.c.holder == replica_id, calls.c.call_id.in_(list(call_ids))
    query = select(calls.c.call_id).where(*held).with_for_update()
    return list((await connection.execute(query)).scalars())


async def release(connection: AsyncConnection, replica_id: str, call_ids: Iterable[str]) -> None:
    """Release calls that a replica holds. Calls that another replica holds are not changed."""
    held = calls.c.holder == replica_id, calls.c.call_id.in_(list(call_ids))
    await connection.execute(update(calls).where(*held).values(holder=None))
