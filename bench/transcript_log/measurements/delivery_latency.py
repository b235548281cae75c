"""Delivery latency: to a hundred watchers, and to a watcher on another replica.

`fanout100_p99_vs_floor`, `replica_hop_p50_ms`, `replica_hop_p99_ms`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from bench.transcript_log.figures import Figure
from bench.transcript_log.interleaved_rounds import Spread, interleaved, percentile
from bench.transcript_log.load.watchers import Audience
from bench.transcript_log.load.writers import writers
from bench.transcript_log.measurements.floors import running_floors
from bench.transcript_log.testbed.cores import ASKING
from bench.transcript_log.testbed.testbed import Testbed

WATCHERS, CONNECTIONS = 100, 10
FANOUT_TURNS = 30
"""Turns of one run; each must reach all watchers before the next."""
HOP_TURNS = 100
"""Turns of one run between replicas."""
PAUSE_SECONDS = 0.005
"""Between these turns, so that none is delayed by the one before."""


async def measure_fanout(bed: Testbed) -> list[Figure]:
    """Measure the seconds from sending a turn to its arrival at each watcher.

    The floor is sending as many messages down one raw stream.
    """
    async with AsyncExitStack() as stack:
        floors = await stack.enter_async_context(running_floors(bed))
        server = await stack.enter_async_context(bed.conversation_service(await bed.new_database("pg")))
        (writer,) = await stack.enter_async_context(writers(bed, server, 1))
        audience = Audience(WATCHERS)
        await stack.enter_async_context(audience.following(server.address, writer, CONNECTIONS))

        async def fanout() -> list[float]:
            waits: list[float] = []
            for _ in range(bed.effort.scaled(FANOUT_TURNS)):
                began = time.perf_counter()
                await writer.send()
                waits += [arrival - began for arrival in await audience.arrivals()]
                await writer.wait_for_ack()
            return waits

        async def raw() -> list[float]:
            return [WATCHERS / await floors.stream_rate()]

        rounds = await interleaved(
            {"fanout": fanout, "raw": raw}, bed.effort.rounds, done=lambda: bed.progress("a hundred watchers")
        )
    details = {f"p{percent}_ms": rounds.of("fanout", _percentile_ms(percent)).median for percent in (50, 99)}
    details["raw_stream_ms"] = rounds.of("raw", _percentile_ms(50)).median
    return [Figure("fanout100_p99_vs_floor", rounds.ratio("fanout", "raw", _percentile_ms(99)), details)]


async def measure_replica_hop(bed: Testbed) -> list[Figure]:
    """Measure how much later each turn arrives at a watcher of another replica, on one database and Redis."""
    async with AsyncExitStack() as stack:
        enter, database = stack.enter_async_context, await bed.new_database("pg")
        near = await enter(bed.conversation_service(database, wake_ups=True))
        far = await enter(bed.conversation_service(database, wake_ups=True, core=ASKING))
        (writer,) = await enter(writers(bed, near, 1))
        audiences = Audience(1), Audience(1)
        for server, audience in zip((near, far), audiences, strict=True):
            await enter(audience.following(server.address, writer, 1))

        async def hops() -> list[float]:
            found = []
            for _ in range(bed.effort.scaled(HOP_TURNS)):
                await writer.send()
                (near_at,), (far_at,) = await asyncio.gather(*(each.arrivals() for each in audiences))
                found.append((far_at - near_at) * 1000)
                await writer.wait_for_ack()
                await asyncio.sleep(PAUSE_SECONDS)
            return found

        rounds = await interleaved(
            {"hop": hops}, bed.effort.rounds, done=lambda: bed.progress("two replicas")
        )
    late = [hop for run in rounds.samples("hop") for hop in run]
    details = {"worst_ms": max(late), "turns": float(len(late))}
    by_round = [[hop for run in each["hop"] for hop in run] for each in rounds.rounds]
    return [
        Figure(f"replica_hop_p{percent}_ms", Spread.of(percentile(hop, percent) for hop in by_round), details)
        for percent in (50, 99)
    ]


def _percentile_ms(percent: float) -> Callable[[Sequence[float]], float]:
    return lambda waits: percentile(waits, percent) * 1000
