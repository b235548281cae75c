"""How much later an entry is seen on another replica than on the one that took it: `replica_hop_p50_ms`, `replica_hop_p99_ms`."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from bench.transcript_log.figures import Figure
from bench.transcript_log.interleaved_rounds import Spread, interleaved, percentile
from bench.transcript_log.load import writers
from bench.transcript_log.load.watchers import Audience
from bench.transcript_log.testbed.cores import ASKING
from bench.transcript_log.testbed.testbed import Stage

TURNS = 100
"""Turns of one run."""
PAUSE_SECONDS = 0.005
"""Between turns, so that none is delayed by the one before."""


async def measure(stage: Stage) -> list[Figure]:
    """Two replicas on one database and one Redis, a watcher of the same conversation on each; milliseconds, turn by turn."""
    async with AsyncExitStack() as stack:
        database = await stage.database("pg")
        here = await stack.enter_async_context(stage.conversation(database, wake_ups=True))
        there = await stack.enter_async_context(stage.conversation(database, wake_ups=True, core=ASKING))
        (writer,) = await stack.enter_async_context(writers.writers(stage, here, 1))
        audiences = []
        for server in (here, there):
            audiences.append(audience := Audience(1))
            await stack.enter_async_context(audience.following(server.address, writer, 1))

        async def hops() -> list[float]:
            found = []
            for _ in range(stage.effort.few(TURNS)):
                await writer.send()
                (near,), (far,) = await asyncio.gather(*(audience.reached() for audience in audiences))
                found.append((far - near) * 1000)
                await writer.acked()
                await asyncio.sleep(PAUSE_SECONDS)
            return found

        rounds = await interleaved({"hop": hops}, stage.effort.rounds, done=lambda: stage.say("two replicas"))
    late = [hop for run in rounds.samples("hop") for hop in run]
    beside = {"worst_ms": max(late), "turns": float(len(late))}
    by_round = [[hop for run in each["hop"] for hop in run] for each in rounds.rounds]
    return [
        Figure(
            f"replica_hop_p{percent}_ms", Spread.of(percentile(hops, percent) for hops in by_round), beside
        )
        for percent in (50, 99)
    ]
