"""Callers work in turns: one step at a time, for a share of the time, and each with a limited queue."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest

from mesh.errors import Overloaded
from mesh.serving.caller_turns import MOST_WAITING, CallerSlots, CallerTurns

pytestmark = pytest.mark.unit


async def test_a_caller_has_one_turn_at_a_time_and_all_together_the_total() -> None:
    turns, running, most = CallerTurns(3), Counter[str](), Counter[str]()

    async def work(caller: str) -> None:
        async with turns.turn(caller):
            running[caller] += 1
            most[caller] = max(most[caller], running[caller])
            most["all"] = max(most["all"], running.total())
            await asyncio.sleep(0)
            running[caller] -= 1

    await asyncio.gather(*(work(caller) for caller in "abcde" for _ in range(6)))
    assert most == dict.fromkeys("abcde", 1) | {"all": 3}


async def test_too_much_work_of_one_caller_is_refused_and_others_are_served() -> None:
    turns, release = CallerTurns(2), asyncio.Event()

    async def work() -> None:
        async with turns.turn("mallory"):
            await release.wait()

    flood = [asyncio.create_task(work()) for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await work()
    async with turns.turn("ada"):
        pass
    for task in flood[1:]:
        task.cancel()
    await asyncio.gather(*flood[1:], return_exceptions=True)
    release.set()
    await flood[0]
    async with turns.turn("mallory"):
        pass


async def test_a_failed_or_cancelled_turn_ends() -> None:
    turns = CallerTurns(1)
    with pytest.raises(ValueError, match="failed"):
        async with turns.turn("ada"):
            raise ValueError("failed")
    async with asyncio.timeout(5), turns.turn("ada"):
        pass


async def test_each_caller_has_the_same_number_of_slots() -> None:
    slots = CallerSlots(2, "watches")
    with slots.hold("ada"), slots.hold("ada"):
        with pytest.raises(Overloaded, match="watches"), slots.hold("ada"):
            pass
        with slots.hold("bob"):
            pass
    with slots.hold("ada"):
        assert dict(slots._held) == {"ada": 1}


async def _steps(turns: CallerTurns, caller: str, count: int) -> float:
    """Return how long steps of 10 ms take, without the pause after the last one."""
    began = time.monotonic()
    with turns.work(caller):
        for _ in range(count):
            async with turns.step(caller):
                time.sleep(0.01)  # noqa: ASYNC251 -- work that blocks the event loop
    return time.monotonic() - began


async def test_steps_of_one_caller_take_at_most_the_share_of_the_time() -> None:
    turns = CallerTurns(1, share=0.25)
    assert await _steps(turns, "ada", 4) >= 3 * 0.04 + 0.01
    assert await _steps(CallerTurns(1), "ada", 4) >= 3 * 0.02 + 0.01


async def test_allowance_is_spent_before_the_share_applies() -> None:
    turns = CallerTurns(1, share=0.001, allowance=3600.0)
    async with asyncio.timeout(60):  # with pauses it would take half a minute more for each step
        await _steps(turns, "ada", 5)
    assert list(turns._callers) == ["ada"]


async def test_pieces_of_work_of_one_caller_alternate_step_by_step() -> None:
    turns, order = CallerTurns(1), list[str]()

    async def work(name: str) -> None:
        for _ in range(3):
            async with turns.step("ada"):
                order.append(name)

    async with turns.step("ada"):
        both = asyncio.gather(work("export"), work("deletion"))
        await asyncio.sleep(0)
    await both
    assert order == ["export", "deletion"] * 3


async def test_a_caller_who_has_rested_is_forgotten() -> None:
    turns = CallerTurns(1)
    async with turns.turn("ada"):
        pass
    async with asyncio.timeout(5):
        while turns._callers:  # noqa: ASYNC110 -- nothing reports it
            await asyncio.sleep(0)
