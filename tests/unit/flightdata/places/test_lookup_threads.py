"""A caller's lookups run one after the other, and leave a thread to the other callers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from mesh.errors import Overloaded
from mesh.serving.caller_turns import MOST_WAITING
from services.flightdata.places.lookup_threads import LookupThreads

pytestmark = pytest.mark.unit


class LongLookup:
    """A lookup that runs until `release`; counts how many run at the same time."""

    def __init__(self) -> None:
        self.started, self.release = threading.Semaphore(0), threading.Event()
        self.running = self.most = 0

    def __call__(self) -> str:
        self.running += 1
        self.most = max(self.most, self.running)
        self.started.release()
        self.release.wait(10)
        self.running -= 1
        return "found"


@pytest.fixture
def long() -> Iterator[LongLookup]:
    lookup = LongLookup()
    yield lookup
    lookup.release.set()


async def test_a_flood_of_one_caller_leaves_a_thread_to_the_others(long: LongLookup) -> None:
    with LookupThreads() as threads:
        flood = [asyncio.create_task(threads.run("mallory", long)) for _ in range(MOST_WAITING)]
        await asyncio.to_thread(long.started.acquire)
        assert await threads.run("ada", lambda: "quick") == "quick"
        long.release.set()
        assert await asyncio.gather(*flood) == ["found"] * MOST_WAITING
    assert long.most == 1


async def test_too_many_lookups_of_one_caller_are_refused(long: LongLookup) -> None:
    with LookupThreads() as threads:
        flood = [asyncio.create_task(threads.run("mallory", long)) for _ in range(MOST_WAITING)]
        await asyncio.to_thread(long.started.acquire)
        with pytest.raises(Overloaded):
            await threads.run("mallory", long)
        long.release.set()
        await asyncio.gather(*flood)
        assert await threads.run("mallory", lambda: "again") == "again"


async def test_a_cancelled_lookup_keeps_its_callers_turn_while_its_thread_runs(long: LongLookup) -> None:
    with LookupThreads() as threads:
        for _ in range(3):
            one = asyncio.create_task(threads.run("mallory", long))
            await asyncio.sleep(0)
            one.cancel()
            await asyncio.gather(one, return_exceptions=True)
        await asyncio.to_thread(long.started.acquire)
        assert await threads.run("ada", lambda: "quick") == "quick"
        long.release.set()
        assert await threads.run("mallory", lambda: "again") == "again"
    assert long.most == 1
