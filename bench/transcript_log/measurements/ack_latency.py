"""How long one durable append takes, over what the transport and the disk take alone: `ack_vs_floor_sqlite`, `ack_vs_floor_pg`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from bench.transcript_log.figures import Figure
from bench.transcript_log.interleaved_rounds import interleaved, percentile
from bench.transcript_log.load import writers
from bench.transcript_log.measurements.floors import floors
from bench.transcript_log.testbed.testbed import Stage

STORES = ("sqlite", "pg")

Seconds = list[float]


async def measure(stage: Stage) -> list[Figure]:
    """One stream, one turn out at a time, on either store; floors in the same rounds."""
    async with AsyncExitStack() as stack:
        floor = await stack.enter_async_context(floors(stage))

        async def ping_pong() -> Seconds:
            return [await floor.ping_pong()]

        async def fdatasync() -> Seconds:
            return [await asyncio.to_thread(floor.fdatasync)]

        arms: dict[str, Callable[[], Awaitable[Seconds]]] = {"ping_pong": ping_pong, "fdatasync": fdatasync}
        for kind in STORES:
            server = await stack.enter_async_context(stage.conversation(await stage.database(kind)))
            arms[kind] = _arm(stage, await stack.enter_async_context(writers.writers(stage, server, 1)))
        rounds = await interleaved(arms, stage.effort.rounds, done=lambda: stage.say("acks, one at a time"))
    floor_us = {
        f"{arm}_us": rounds.of(arm, lambda waits: waits[0] * 1e6).median for arm in ("ping_pong", "fdatasync")
    }
    figures = []
    for kind in STORES:
        ratio = rounds.combined(
            lambda of, kind=kind: of(kind, _p50) / (of("ping_pong", _p50) + of("fdatasync", _p50))  # type: ignore[misc]
        )
        tail = rounds.of(kind, lambda waits: percentile(waits, 99)).median
        own = {"p50_us": rounds.of(kind, _p50).median * 1e6, "p99_us": tail * 1e6}
        figures.append(Figure(f"ack_vs_floor_{kind}", ratio, own | floor_us))
    return figures


def _arm(stage: Stage, fleet: list[writers.Writer]) -> Callable[[], Awaitable[Seconds]]:
    async def arm() -> Seconds:
        return list((await writers.load(fleet, stage.effort.seconds / 2, window=1)).waits)

    return arm


def _p50(waits: Seconds) -> float:
    return percentile(waits, 50)
