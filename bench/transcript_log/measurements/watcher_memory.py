"""What an idle watcher costs the process that serves it: `rss_per_watcher_kb`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from typing import Any

import grpc

from bench.transcript_log.figures import Figure
from bench.transcript_log.interleaved_rounds import Spread, slope
from bench.transcript_log.load.watchers import WatchFailed, catch_up, next_of, watch
from bench.transcript_log.testbed.cores import resident_bytes
from bench.transcript_log.testbed.customers import Customer, own_connection
from bench.transcript_log.testbed.testbed import Server, Stage

STEPS = (500, 2000, 5000)
A_CUSTOMER = 200
"""Watchers of one customer, below what the service allows one."""
A_CONNECTION = 100
SETTLE_SECONDS = 2.0
"""Until what was needed to begin is freed: as long as it takes, no event tells of it."""
AT_ONCE = 50


class Crowd:
    """Watchers of many customers' conversations, each read from, so that heartbeats are taken."""

    def __init__(self, stage: Stage, server: Server, stack: AsyncExitStack) -> None:
        self._stage, self._server, self._stack = stage, server, stack
        self._customers: list[tuple[Customer, str]] = []
        self._channels: list[grpc.aio.Channel] = []
        self._reading: list[asyncio.Task[None]] = []
        self._places = asyncio.Semaphore(AT_ONCE)

    async def grow(self, size: int) -> None:
        """Adds watchers until there are so many."""
        while len(self._channels) * A_CONNECTION < size:
            self._channels.append(await self._stack.enter_async_context(own_connection(self._server.address)))
        while len(self._customers) * A_CUSTOMER < size:
            customer = await self._stage.customer()
            self._customers.append((customer, await customer.conversation(self._channels[0])))
        caught_up = [asyncio.Event() for _ in range(size - len(self._reading))]
        for event in caught_up:
            self._reading.append(asyncio.create_task(self._watch(len(self._reading), event)))
        await asyncio.gather(*(event.wait() for event in caught_up))

    def require_all(self) -> None:
        """Sees to it that every watch goes on.

        Raises:
            WatchFailed: some have ended; the text says how the first one did.
        """
        ended = [task for task in self._reading if task.done()]
        if ended:
            raise WatchFailed(f"{len(ended)} of {len(self._reading)} watches ended: {ended[0].exception()!r}")

    async def leave(self) -> None:
        """Ends all watches."""
        for task in self._reading:
            task.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)

    async def _watch(self, index: int, caught_up: asyncio.Event) -> None:
        customer, conversation_id = self._customers[index // A_CUSTOMER]
        try:
            async with AsyncExitStack() as stack:
                async with self._places:
                    following = watch(
                        self._channels[index // A_CONNECTION], customer.metadata, conversation_id
                    )
                    stream = await stack.enter_async_context(following)
                    await catch_up(stream)
                caught_up.set()
                await _follow(stream)
        finally:
            caught_up.set()


async def _follow(stream: Any) -> None:
    while True:
        await next_of(stream)


@asynccontextmanager
async def _crowd(stage: Stage, server: Server) -> AsyncIterator[Crowd]:
    async with AsyncExitStack() as stack:
        crowd = Crowd(stage, server, stack)
        try:
            yield crowd
        finally:
            await crowd.leave()


async def measure(stage: Stage) -> list[Figure]:
    """The process's memory at 500, 2,000 and 5,000 watchers, and its slope.

    Raises:
        WatchFailed: a watch ended.
    """
    points: list[tuple[float, float]] = []
    steps = [stage.effort.few(step) for step in STEPS]
    async with stage.conversation(await stage.database("sqlite")) as server, _crowd(stage, server) as crowd:
        await crowd.grow(steps[0] // 10)
        for step in steps:
            stage.say(f"{step} idle watchers")
            await crowd.grow(step)
            await asyncio.sleep(SETTLE_SECONDS)
            points.append((step, resident_bytes(server.pid) / 1000))
            crowd.require_all()
    between = [slope(pair) for pair in pairwise(points)]
    whole = slope(points)
    beside = {f"rss_{step:.0f}_mb": kilobytes / 1000 for step, kilobytes in points} | {"errors": 0.0}
    return [Figure("rss_per_watcher_kb", Spread(whole, min(between), max(between)), beside)]
