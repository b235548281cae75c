"""Latency of a durable append, and of its delivery to a hundred watchers and to another replica.

`ack_vs_floor_sqlite`, `ack_vs_floor_pg`, `fanout100_p99_vs_floor`, `replica_hop_p50_ms` and `…_p99_ms`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

from bench.transcript_log.figures import Figure
from bench.transcript_log.interleaved_rounds import Spread, percentile
from bench.transcript_log.load.watchers import Audience
from bench.transcript_log.load.writers import Writer, run_load, writers
from bench.transcript_log.measurements.floors import running_floors
from bench.transcript_log.testbed.processes import ASKING
from bench.transcript_log.testbed.testbed import Testbed

STORES = ("sqlite", "pg")
WATCHERS, CONNECTIONS = 100, 10
FANOUT_TURNS = 30
"""Turns of one run. The next turn is sent when all watchers have the turn before it."""
HOP_TURNS = 100
"""Turns of one run between replicas."""
PAUSE_SECONDS = 0.005
"""Pause between these turns, so that no turn delays the next."""

Seconds = list[float]


async def measure_acks(bed: Testbed) -> list[Figure]:
    """Measure one stream with one open turn on each database, and the floors in the same rounds."""
    async with AsyncExitStack() as stack:
        floors = await stack.enter_async_context(running_floors(bed))

        async def ping_pong() -> Seconds:
            return [await floors.ping_pong()]

        async def fdatasync() -> Seconds:
            return [await asyncio.to_thread(floors.fdatasync)]

        sides: dict[str, Callable[[], Awaitable[Seconds]]] = {"ping_pong": ping_pong, "fdatasync": fdatasync}
        for kind in STORES:
            database = await bed.new_database(kind)
            server = await stack.enter_async_context(bed.conversation_service(database))
            (writer,) = await stack.enter_async_context(writers(bed, server, 1))
            sides[kind] = _side(writer, bed.effort.seconds / 2)
        rounds = await bed.compare("acks, one at a time", sides)

    def p50_us(side: str) -> float:
        return rounds.of(side, _p50).median * 1e6

    figures = []
    for kind in STORES:
        ratio = rounds.combined(
            lambda value, kind=kind: value(kind, _p50) / (value("ping_pong", _p50) + value("fdatasync", _p50))  # type: ignore[misc]  # the default binds the loop's value
        )
        p99 = rounds.of(kind, lambda waits: percentile(waits, 99)).median
        own = {"p50_us": p50_us(kind), "p99_us": p99 * 1e6}
        floor = {"ping_pong_us": p50_us("ping_pong"), "fdatasync_us": p50_us("fdatasync")}
        figures.append(Figure(f"ack_vs_floor_{kind}", ratio, own | floor))
    return figures


def _side(writer: Writer, seconds: float) -> Callable[[], Awaitable[Seconds]]:
    async def run() -> Seconds:
        return list((await run_load([writer], seconds, window=1)).waits)

    return run


def _p50(waits: Seconds) -> float:
    return percentile(waits, 50)


async def measure_fanout(bed: Testbed) -> list[Figure]:
    """Measure the seconds from sending a turn to its arrival at each watcher.

    The floor is the time to send as many messages on one raw stream.
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

        rounds = await bed.compare("a hundred watchers", {"fanout": fanout, "raw": raw})
    details = {f"p{percent}_ms": rounds.of("fanout", _percentile_ms(percent)).median for percent in (50, 99)}
    details["raw_stream_ms"] = rounds.of("raw", _percentile_ms(50)).median
    return [Figure("fanout100_p99_vs_floor", rounds.ratio("fanout", "raw", _percentile_ms(99)), details)]


async def measure_replica_hop(bed: Testbed) -> list[Figure]:
    """Measure the extra delay of a turn at a watcher of another replica, with a shared database and Redis."""
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

        rounds = await bed.compare("two replicas", {"hop": hops})
    late = [hop for run in rounds.samples("hop") for hop in run]
    details = {"worst_ms": max(late), "turns": float(len(late))}
    by_round = [[hop for run in each["hop"] for hop in run] for each in rounds.rounds]
    return [
        Figure(f"replica_hop_p{percent}_ms", Spread.of(percentile(hop, percent) for hop in by_round), details)
        for percent in (50, 99)
    ]


def _percentile_ms(percent: float) -> Callable[[Sequence[float]], float]:
    return lambda waits: percentile(waits, percent) * 1000
