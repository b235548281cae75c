"""The queue for password hashes: a flood delays its own source, and everybody else gets a turn."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from mesh.errors import Overloaded
from services.identity.accounts.hashing_queue import (
    FAVOURED_TURNS,
    HALF_LIFE_SECONDS,
    NICENESS,
    HashingQueue,
    RecentTurns,
    Requester,
)
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit

FLOOD = "198.51.100.7"
CLOCK = SimulatedClock(datetime(2026, 11, 23, 12, tzinfo=UTC))


class Queue:
    """A queue whose turns end when the test says so."""

    def __init__(self, *, threads: int = 1, waiting: int = 32) -> None:
        self.queue = HashingQueue(threads=threads, waiting=waiting, clock=CLOCK)
        self.order: list[str] = []
        self._ends: list[asyncio.Event] = []

    def request(self, name: str, source: str, *, is_known: bool = False) -> asyncio.Task[None]:
        """Ask for a turn. Its account has the name of the request."""
        return asyncio.create_task(self._take(name, Requester(source, name, is_known)))

    async def _take(self, name: str, requester: Requester) -> None:
        async with self.queue.turn(requester):
            self.order.append(name)
            self._ends.append(asyncio.Event())
            await self._ends[-1].wait()

    async def settle(self) -> None:
        """Let every task run until it waits."""
        for _ in range(10):
            await asyncio.sleep(0)

    async def end_turn(self) -> None:
        """End the oldest turn."""
        await self.settle()
        self._ends.pop(0).set()
        await self.settle()


@asynccontextmanager
async def a_queue(*, threads: int = 1, waiting: int = 32) -> AsyncIterator[Queue]:
    """Yield a queue; cancel what still waits."""
    queue = Queue(threads=threads, waiting=waiting)
    before = asyncio.all_tasks()
    try:
        yield queue
    finally:
        left = asyncio.all_tasks() - before
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        queue.queue.close()


async def test_another_source_is_served_before_the_rest_of_a_flood() -> None:
    async with a_queue() as queue:
        for number in range(5):
            queue.request(f"flood {number}", FLOOD)
        await queue.settle()
        queue.request("owner", "192.0.2.1")
        await queue.end_turn()
        assert queue.order == ["flood 0", "owner"]


async def test_a_flood_leaves_one_thread_to_other_sources() -> None:
    async with a_queue(threads=2) as queue:
        for number in range(5):
            queue.request(f"flood {number}", FLOOD)
        await queue.settle()
        assert queue.order == ["flood 0"]
        queue.request("owner", "192.0.2.1")
        await queue.settle()
        assert queue.order == ["flood 0", "owner"]


async def test_a_known_source_is_served_first_until_it_has_had_several_turns() -> None:
    async with a_queue() as queue:
        for number in range(FAVOURED_TURNS + 2):
            queue.request("owner", "192.0.2.1", is_known=True)
            queue.request(f"fresh {number}", f"198.51.100.{number}")
        for _ in range(FAVOURED_TURNS + 1):
            await queue.end_turn()
        assert queue.order == ["owner"] * FAVOURED_TURNS + ["fresh 0", "fresh 1"]


async def test_a_source_with_right_passwords_is_served_before_one_that_guesses() -> None:
    queue, order = HashingQueue(threads=1, clock=CLOCK), []

    async def take(name: str, source: str, *, right: bool) -> None:
        async with queue.turn(Requester(source, name)) as turn:
            await asyncio.sleep(0)
            order.append(name)
            if right:
                turn.password_was_right()

    for source, right in ((FLOOD, False), ("192.0.2.1", True)):
        await take("earlier", source, right=right)
    await asyncio.gather(
        take("first", "192.0.2.2", right=False),
        take("guess", FLOOD, right=False),
        take("owner", "192.0.2.1", right=True),
    )
    queue.close()
    assert order == ["earlier", "earlier", "first", "owner", "guess"]


async def test_of_one_source_an_account_with_fewer_attempts_is_next() -> None:
    async with a_queue() as queue:
        for name in ("guessed", "guessed", "guessed", "other"):
            queue.request(name, FLOOD)
        for _ in range(3):
            await queue.end_turn()
        assert queue.order == ["guessed", "other", "guessed", "guessed"]


async def test_one_source_has_one_turn_on_an_account_at_a_time() -> None:
    async with a_queue(threads=4) as queue:
        for name in ("guessed", "guessed", "other"):
            queue.request(name, FLOOD)
        queue.request("guessed", "192.0.2.1")
        await queue.settle()
        assert queue.order == ["guessed", "other", "guessed"]
        await queue.end_turn()
        assert queue.order == ["guessed", "other", "guessed", "guessed"]


async def test_equal_requests_are_served_in_the_order_they_came() -> None:
    async with a_queue() as queue:
        names = [f"192.0.2.{number}" for number in range(5)]
        for name in names:
            queue.request(name, name)
        for _ in names[1:]:
            await queue.end_turn()
        assert queue.order == names


async def test_a_full_queue_refuses_the_flood_and_not_the_newcomer() -> None:
    async with a_queue(waiting=3) as queue:
        flood = [queue.request(f"flood {number}", FLOOD) for number in range(4)]
        await queue.settle()
        owner = queue.request("owner", "192.0.2.1")
        await queue.settle()
        assert [task.done() for task in (*flood, owner)] == [False, False, False, True, False]
        with pytest.raises(Overloaded) as refused:
            await flood[3]
        assert refused.value.retry_after is not None
        newest = queue.request("flood 4", FLOOD)
        with pytest.raises(Overloaded):
            await newest


async def test_a_full_queue_refuses_a_source_with_several_requests_and_not_a_new_source() -> None:
    async with a_queue(waiting=3) as queue:
        queue.request("running", "192.0.2.9")
        flood = [queue.request(f"flood {number}", f"198.51.100.{number % 2}") for number in range(3)]
        await queue.settle()
        owner = queue.request("owner", "192.0.2.1")
        await queue.settle()
        assert [task.done() for task in (*flood, owner)] == [False, False, True, False]


async def test_a_cancelled_wait_takes_no_turn() -> None:
    async with a_queue() as queue:
        queue.request("first", "192.0.2.1")
        gone = queue.request("gone", "192.0.2.2")
        queue.request("last", "192.0.2.3")
        await queue.settle()
        gone.cancel()
        await queue.end_turn()
        assert queue.order == ["first", "last"]


async def test_a_caller_cancelled_when_admitted_gives_the_turn_back() -> None:
    async with a_queue() as queue:
        queue.request("first", "192.0.2.1")
        gone = queue.request("gone", "192.0.2.2")
        await queue.settle()
        queue._ends.pop(0).set()
        await asyncio.sleep(0)  # the first turn ends; the second caller has it but hasn't run yet
        await asyncio.sleep(0)
        gone.cancel()
        await queue.settle()
        queue.request("last", "192.0.2.3")
        await queue.settle()
        assert queue.order[-1] == "last"


async def test_a_cancelled_caller_keeps_its_turn_until_the_hash_is_done() -> None:
    started, gate = threading.Event(), threading.Event()

    def hashing() -> None:
        started.set()
        gate.wait(10)

    queue = HashingQueue(threads=1, clock=CLOCK)

    async def take(work) -> None:
        async with queue.turn(Requester("192.0.2.1", "account")) as turn:
            await turn.run(work)

    hung_up = asyncio.create_task(take(hashing))
    await asyncio.to_thread(started.wait, 10)
    hung_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hung_up
    waiting = asyncio.create_task(take(lambda: None))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    gate.set()
    await waiting
    queue.close()


async def test_hashing_leaves_the_event_loop_free() -> None:
    loop_went_on = threading.Event()
    queue = HashingQueue(threads=1, clock=CLOCK)
    async with queue.turn(Requester("192.0.2.1", "account")) as turn:
        hashing = asyncio.create_task(turn.run(lambda: loop_went_on.wait(10)))
        await asyncio.sleep(0)
        loop_went_on.set()
        assert await hashing
    queue.close()


def test_past_turns_fade_and_are_forgotten() -> None:
    clock = SimulatedClock(datetime(2026, 11, 23, 12, tzinfo=UTC))
    recent = RecentTurns(clock)
    recent.add([FLOOD], 8)
    clock.advance(HALF_LIFE_SECONDS * 2)
    assert recent.of(FLOOD) == 2
    clock.advance(HALF_LIFE_SECONDS * 10)
    assert recent.of(FLOOD) == 0
    assert recent._counts == {}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has priorities of threads")
async def test_hashing_yields_the_processors_to_everything_else() -> None:
    queue = HashingQueue(threads=1, clock=CLOCK)
    async with queue.turn(Requester("192.0.2.1", "account")) as turn:
        niceness = await turn.run(lambda: os.getpriority(os.PRIO_PROCESS, 0))
    queue.close()
    assert niceness == min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
