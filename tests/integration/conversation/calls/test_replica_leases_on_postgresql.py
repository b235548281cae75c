"""Release of a call while its agent returns: on PostgreSQL both transactions run at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from mesh.database.migrations import migrated
from services.conversation.assembly import MIGRATIONS
from services.conversation.store import Store
from services.conversation.store import leases as table
from tests.unit.conversation.core import Core

if TYPE_CHECKING:
    from tests.postgres_server import PostgresServer

pytestmark = pytest.mark.integration


@pytest.fixture
async def core(postgres: PostgresServer) -> AsyncIterator[Core]:
    engine = await migrated(postgres.new_database(), MIGRATIONS)
    try:
        yield Core(Store(engine))
    finally:
        await engine.dispose()


def around_the_lock(
    monkeypatch: pytest.MonkeyPatch,
    *,
    before: Callable[[], Awaitable[object]] | None = None,
    after: Callable[[], object] | None = None,
) -> None:
    """Run callbacks before and after the lock on the calls that are to be released."""
    lock = table.lock_held_by

    async def locked(connection: AsyncConnection, replica_id: str, call_ids: Iterable[str]) -> Sequence[str]:
        if before is not None:
            await before()
        found = await lock(connection, replica_id, call_ids)
        if after is not None:
            after()
        return found

    monkeypatch.setattr(table, "lock_held_by", locked)


async def test_agent_that_returns_before_the_release_keeps_its_call(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, writer = await core.held_call()
    with core.holds.take(writer):
        await core.lease.renew()
    around_the_lock(monkeypatch, before=lambda: core.calls.open(writer))
    await core.lease.renew()
    assert (await core.now(call)).holder == core.replica_id
    with core.holds.take(writer) as hold:
        await core.lease.renew()
        assert hold.end_reason is None


async def test_agent_that_returns_during_the_release_gets_its_call_afterwards(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, writer = await core.held_call()
    with core.holds.take(writer):
        await core.lease.renew()
    opening: list[asyncio.Task[object]] = []
    around_the_lock(monkeypatch, after=lambda: opening.append(asyncio.create_task(core.calls.open(writer))))
    async with asyncio.timeout(10):
        await core.lease.renew()
        await asyncio.gather(*opening)
    assert (await core.now(call)).holder == core.replica_id
    with core.holds.take(writer) as hold:
        await core.lease.renew()
        assert hold.end_reason is None
