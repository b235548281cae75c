"""Background tasks are restarted after a failure, and stop with their block."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb

from mesh.background import RESTART_SECONDS, first_of, run_in_background
from mesh.errors import StoreUnavailable
from services.conversation.model.cursors import LogId
from services.conversation.retention import EVERY_SECONDS, REQUESTS_KEPT, purge
from services.conversation.watch.backstop import backstop
from tests.simulated_clock import SimulatedClock
from tests.unit.conversation.core import NOON, Core

pytestmark = pytest.mark.unit


async def settle() -> None:
    """Let all ready tasks run."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_failed_task_is_restarted_after_a_pause() -> None:
    clock, begun = SimulatedClock(NOON), []

    async def failing() -> None:
        begun.append(clock.monotonic())
        raise ZeroDivisionError

    async with run_in_background(clock, failing=failing):
        await settle()
        assert begun == [0]
        clock.advance(RESTART_SECONDS)
        await settle()
        assert begun == [0, RESTART_SECONDS]


async def test_task_stops_with_the_block() -> None:
    stopped = asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    before = asyncio.all_tasks()
    async with run_in_background(SimulatedClock(NOON), endless=endless):
        await settle()
    assert stopped.is_set()
    assert asyncio.all_tasks() == before


async def test_task_stops_even_if_a_cancellation_is_swallowed() -> None:
    """A client library may turn it into an error of its own, after which the task continues."""
    taken = 0

    async def stubborn() -> None:
        nonlocal taken
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                taken += 1
                if taken > 1:
                    raise

    async with asyncio.timeout(5), run_in_background(SimulatedClock(NOON), stubborn=stubborn):
        await settle()
    assert taken == 2


async def test_first_of_leaves_no_task_behind_and_raises_what_failed() -> None:
    async def fails() -> None:
        raise ZeroDivisionError

    before = asyncio.all_tasks()
    await first_of(asyncio.sleep(0), asyncio.Event().wait())
    with pytest.raises(ZeroDivisionError):
        await first_of(fails(), asyncio.Event().wait())
    assert asyncio.all_tasks() == before


async def test_backstop_polls_once_per_interval(core: Core) -> None:
    call, _ = await core.held_call()
    with core.bus.listen(LogId.conversation(call.conversation_id), core.customer_id) as listener:
        polling = asyncio.create_task(backstop(core.store, core.bus, core.clock, 3.0))
        await settle()
        core.clock.advance(3.0)
        async with asyncio.timeout(5):
            await listener.wait()
        assert listener.topic.head == 2
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)


async def test_task_is_restarted_while_the_store_is_unavailable(core: Core) -> None:
    attempts = 0

    async def needs_the_store() -> None:
        nonlocal attempts
        attempts += 1
        raise StoreUnavailable

    async with run_in_background(core.clock, work=needs_the_store):
        await settle()
        core.clock.advance(RESTART_SECONDS)
        await settle()
    assert attempts == 2


async def test_answered_requests_are_purged_after_a_day_and_not_before(core: Core) -> None:
    request, done = pb.EndCallRequest(call_id=str(uuid4())), []

    async def do() -> pb.EndCallResponse:
        done.append(request)
        return pb.EndCallResponse()

    async def ask() -> int:
        async with core.store.writing() as transaction:
            await transaction.once("owner", "request", request, pb.EndCallResponse, do)
        return len(done)

    assert await ask() == 1
    core.clock.advance(
        (datetime.now(UTC) - core.clock.now()).total_seconds()
    )  # the request store uses the wall clock
    async with (
        run_in_background(core.clock, retention=lambda: purge(core.store, core.clock)),
        asyncio.timeout(5),
    ):
        await settle()
        assert await ask() == 1
        core.clock.advance(REQUESTS_KEPT.total_seconds() + EVERY_SECONDS)
        while await ask() == 1:  # noqa: ASYNC110 -- the database works in a thread of its own
            await asyncio.sleep(0.01)
