"""Leases: the replica that holds each call, and the replicas that are alive."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.conversation.model.records import Call
from services.conversation.store.schema import calls, replicas
from services.conversation.store.transactions import CALLS, RUNNING


async def renew(connection: AsyncConnection, replica_id: str, now: datetime) -> None:
    """Renew the lease of a replica."""
    renewal = update(replicas).where(replicas.c.replica_id == replica_id).values(renew_time=now)
    if not (await connection.execute(renewal)).rowcount:
        await connection.execute(insert(replicas).values(replica_id=replica_id, renew_time=now))


async def renewals(connection: AsyncConnection) -> Mapping[str, datetime]:
    """Return the last renewal of each replica, by its own clock."""
    return {row.replica_id: row.renew_time for row in await connection.execute(select(replicas))}


async def purge_replicas(connection: AsyncConnection, before: datetime) -> None:
    """Delete the replicas that renewed last before a time."""
    await connection.execute(delete(replicas).where(replicas.c.renew_time < before))


async def writers_held_by(connection: AsyncConnection, replica_id: str) -> Mapping[str, tuple[int, str]]:
    """Return epoch and writer of each running call that a replica holds, by the call's id."""
    query = select(calls.c.call_id, calls.c.epoch, calls.c.writer_id)
    rows = await connection.execute(query.where(RUNNING, calls.c.holder == replica_id))
    return {row.call_id: (row.epoch, row.writer_id) for row in rows}


async def held_by_none(connection: AsyncConnection, alive: Collection[str]) -> Sequence[Call]:
    """Return the running calls that no living replica holds."""
    unheld = or_(calls.c.holder.is_(None), calls.c.holder.not_in(alive))
    return [Call(**row._mapping) for row in await connection.execute(CALLS.where(RUNNING, unheld))]


async def lock_held_by(
    connection: AsyncConnection, replica_id: str, call_ids: Iterable[str]
) -> Sequence[str]:
    """Return those of the calls that a replica holds; they can't be opened until the transaction ends."""
    held = calls.c.holder == replica_id, calls.c.call_id.in_(list(call_ids))
    query = select(calls.c.call_id).where(*held).with_for_update()
    return list((await connection.execute(query)).scalars())


async def release(connection: AsyncConnection, replica_id: str, call_ids: Iterable[str]) -> None:
    """Release the calls that a replica holds; calls that another replica took meanwhile stay unchanged."""
    held = calls.c.holder == replica_id, calls.c.call_id.in_(list(call_ids))
    await connection.execute(update(calls).where(*held).values(holder=None))
