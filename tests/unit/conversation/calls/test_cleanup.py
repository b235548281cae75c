"""Cleanup after ended calls: rooms are closed and grants revoked, also for dead replicas."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from mesh.background import run_in_background
from services.conversation.calls.cleanup import SWEEP_SECONDS

if TYPE_CHECKING:
    from tests.unit.conversation.core import Core

pytestmark = pytest.mark.unit


async def test_ended_call_leaves_neither_room_nor_grant(core: Core) -> None:
    call = await core.call()
    assert await core.cleanup.sweep()
    assert core.rooms.closed == []
    await core.end(call)
    assert await core.cleanup.sweep()
    assert core.rooms.closed == [call.room]
    assert core.grants.revoked == [call.call_id]
    assert (await core.now(call)).sealed_grant is None


async def test_cleanup_is_retried_until_it_succeeds(core: Core) -> None:
    call = await core.call()
    await core.end(call)
    core.grants.up = False
    assert not await core.cleanup.sweep()
    core.grants.up = True
    core.rooms.up = False
    assert not await core.cleanup.sweep()
    core.rooms.up = True
    assert await core.cleanup.sweep()
    assert (await core.now(call)).sealed_grant is None


async def test_closing_a_room_is_not_retried_for_longer_than_livekit_keeps_it(core: Core) -> None:
    call = await core.call()
    await core.end(call)
    core.rooms.up = False
    core.clock.advance(600)
    assert await core.cleanup.sweep()
    assert core.grants.revoked == [call.call_id]


async def test_cleanup_runs_when_a_call_ends_and_is_retried(core: Core) -> None:
    core.holds.on_change(core.cleanup.call_ended)
    core.grants.up = False
    call = await core.call()
    async with run_in_background(core.clock, cleanup=core.cleanup.run):
        await core.end(call)
        async with asyncio.timeout(5):
            while not core.rooms.closed:  # noqa: ASYNC110 -- the database works in a thread of its own
                await asyncio.sleep(0.01)
        core.grants.up = True
        async with asyncio.timeout(5):
            while not core.grants.revoked:
                core.clock.advance(1)
                await asyncio.sleep(0.01)
    assert core.grants.revoked == [call.call_id]


async def test_cleanup_of_a_dead_replica_is_done_by_another(core: Core) -> None:
    dead = core.another()
    async with run_in_background(core.clock, cleanup=core.cleanup.run), asyncio.timeout(10):
        call = await dead.call()
        await dead.end(call)
        while not core.grants.revoked:
            core.clock.advance(SWEEP_SECONDS / 10)
            await asyncio.sleep(0.01)
    assert core.grants.revoked == [call.call_id]
    assert core.rooms.closed == [call.room]
