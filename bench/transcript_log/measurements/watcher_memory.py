"""Server memory per idle watcher: `rss_per_watcher_kb`."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from itertools import pairwise

import grpc

from bench.transcript_log.figures import Figure
from bench.transcript_log.interleaved_rounds import Spread, slope
from bench.transcript_log.load.watchers import WatchFailed, catch_up, read_all, watch
from bench.transcript_log.testbed.processes import resident_bytes
from bench.transcript_log.testbed.testbed import Customer, Server, Testbed, own_connection

STEPS = (500, 2000, 5000)
PER_CUSTOMER = 200
"""Watchers of one customer, a few less than the service allows."""
PER_CONNECTION = 100
SETTLE_SECONDS = 2.0
"""Time after which memory used during the start has been freed, as no event reports this."""
OPENED_IN_PARALLEL = 50


class Crowd:
    """Watchers of many customers' conversations. Every stream is read, so that heartbeats are received."""

    def __init__(self, bed: Testbed, server: Server, stack: AsyncExitStack) -> None:
        self._bed, self._server, self._stack = bed, server, stack
        self._customers: list[tuple[Customer, str]] = []
        self._channels: list[grpc.aio.Channel] = []
        self._watches: list[asyncio.Task[None]] = []
        self._places = asyncio.Semaphore(OPENED_IN_PARALLEL)

    async def grow(self, size: int) -> None:
        """Add watchers until there are `size`."""
        while len(self._channels) * PER_CONNECTION < size:
            self._channels.append(await self._stack.enter_async_context(own_connection(self._server.address)))
        while len(self._customers) * PER_CUSTOMER < size:
            customer = await self._bed.new_customer()
            self._customers.append((customer, await customer.start_conversation(self._channels[0])))
        caught_up = [asyncio.Event() for _ in range(size - len(self._watches))]
        for event in caught_up:
            self._watches.append(asyncio.create_task(self._watch(len(self._watches), event)))
        await asyncio.gather(*(event.wait() for event in caught_up))

    def require_all(self) -> None:
        """Check that every watch is still open.

        Raises:
            WatchFailed: some watches have ended; the text contains the error of the first.
        """
        ended = [task for task in self._watches if task.done()]
        if ended:
            raise WatchFailed(f"{len(ended)} of {len(self._watches)} watches ended: {ended[0].exception()!r}")

    async def leave(self) -> None:
        """End all watches."""
        for task in self._watches:
            task.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)

    async def _watch(self, index: int, caught_up: asyncio.Event) -> None:
        customer, conversation_id = self._customers[index // PER_CUSTOMER]
        channel = self._channels[index // PER_CONNECTION]
        try:
            async with AsyncExitStack() as stack:
                async with self._places:
                    watching = watch(channel, customer.metadata, conversation_id)
                    stream = await stack.enter_async_context(watching)
                    await catch_up(stream)
                caught_up.set()
                await read_all(stream)
        finally:
            caught_up.set()


async def measure(bed: Testbed) -> list[Figure]:
    """Measure the process's memory at 500, 2,000 and 5,000 watchers, and its slope.

    Raises:
        WatchFailed: a watch ended.
    """
    points: list[tuple[float, float]] = []
    steps = [bed.effort.scaled(step) for step in STEPS]
    async with (
        bed.conversation_service(await bed.new_database("sqlite")) as server,
        AsyncExitStack() as stack,
    ):
        crowd = Crowd(bed, server, stack)
        try:
            await crowd.grow(steps[0] // 10)
            for step in steps:
                bed.progress(f"{step} idle watchers")
                await crowd.grow(step)
                await asyncio.sleep(SETTLE_SECONDS)
                points.append((step, resident_bytes(server.pid) / 1000))
                crowd.require_all()
        finally:
            await crowd.leave()
    slopes = [slope(pair) for pair in pairwise(points)]
    details = {f"rss_{step:.0f}_mb": kilobytes / 1000 for step, kilobytes in points} | {"errors": 0.0}
    return [Figure("rss_per_watcher_kb", Spread(slope(points), min(slopes), max(slopes)), details)]
