"""Callers work in turns: one at a time, a limited number in total, and each with a limited queue."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from mesh.errors import Overloaded
from mesh.serving.caller_turns import MOST_WAITING, CallerTurns

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
