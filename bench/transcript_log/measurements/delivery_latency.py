"""From one agent to a hundred watchers of its conversation: `fanout100_p99_vs_floor`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from bench.transcript_log.figures import Figure
from bench.transcript_log.interleaved_rounds import interleaved, percentile
from bench.transcript_log.load import writers
from bench.transcript_log.load.watchers import Audience
from bench.transcript_log.measurements.floors import floors
from bench.transcript_log.testbed.testbed import Stage

WATCHERS, CONNECTIONS = 100, 10
TURNS = 30
"""Turns of one run, each waited for until all have it."""


async def measure(stage: Stage) -> list[Figure]:
    """Seconds from handing a turn in to its arrival at each watcher, beside sending as many messages down one raw stream."""
    async with AsyncExitStack() as stack:
        floor = await stack.enter_async_context(floors(stage))
        server = await stack.enter_async_context(stage.conversation(await stage.database("pg")))
        (writer,) = await stack.enter_async_context(writers.writers(stage, server, 1))
        audience = Audience(WATCHERS)
        await stack.enter_async_context(audience.following(server.address, writer, CONNECTIONS))

        async def fanout() -> list[float]:
            waits: list[float] = []
            for _ in range(stage.effort.few(TURNS)):
                began = time.perf_counter()
                await writer.send()
                waits += [arrival - began for arrival in await audience.reached()]
                await writer.acked()
            return waits

        async def raw() -> list[float]:
            return [WATCHERS / await floor.stream_rate()]

        rounds = await interleaved(
            {"fanout": fanout, "raw": raw}, stage.effort.rounds, done=lambda: stage.say("a hundred watchers")
        )
    beside = {f"p{percent}_ms": rounds.of("fanout", _percentile_ms(percent)).median for percent in (50, 99)}
    floor_ms = {"raw_stream_ms": rounds.of("raw", _percentile_ms(50)).median}
    return [
        Figure("fanout100_p99_vs_floor", rounds.ratio("fanout", "raw", _percentile_ms(99)), beside | floor_ms)
    ]


def _percentile_ms(percent: float) -> Callable[[Sequence[float]], float]:
    return lambda waits: percentile(waits, percent) * 1000
