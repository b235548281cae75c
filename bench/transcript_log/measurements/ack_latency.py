"""Latency of one durable append over transport and disk alone: `ack_vs_floor_sqlite`, `ack_vs_floor_pg`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from bench.transcript_log.figures import Figure
from bench.transcript_log.interleaved_rounds import interleaved, percentile
from bench.transcript_log.load.writers import Writer, run_load, writers
from bench.transcript_log.measurements.floors import running_floors
from bench.transcript_log.testbed.testbed import Testbed

STORES = ("sqlite", "pg")

Seconds = list[float]


async def measure(bed: Testbed) -> list[Figure]:
    """Measure one stream with one open turn on either store, and the floors in the same rounds."""
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
        rounds = await interleaved(sides, bed.effort.rounds, done=lambda: bed.progress("acks, one at a time"))

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
