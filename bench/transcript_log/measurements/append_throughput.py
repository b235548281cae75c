"""Turns a second that are acknowledged as durable: `Record` streams beside the two REST services, on PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from bench.transcript_log.figures import Figure
from bench.transcript_log.interleaved_rounds import Rounds, interleaved
from bench.transcript_log.load import writers
from bench.transcript_log.load.load_result import Load, costed
from bench.transcript_log.load.rest_clients import RestCallers
from bench.transcript_log.testbed.testbed import Stage

STREAMS, WINDOW, BATCH = 16, 8, 16
"""16 conversations with 8 messages out on each: as many requests are out on the REST services, on 128 connections."""

Arm = Callable[[], Awaitable[Load]]


async def measure(stage: Stage) -> list[Figure]:
    """One turn a message: `append_vs_naive`, `append_vs_strong`, `cpu_vs_naive`."""
    async with AsyncExitStack() as stack:
        arms = {
            "readback": await stack.enter_async_context(record_arm(stage, "pg")),
            "naive": await stack.enter_async_context(rest_arm(stage, "rest_naive")),
            "strong": await stack.enter_async_context(rest_arm(stage, "rest_strong")),
        }
        rounds = await interleaved(
            arms, stage.effort.rounds, done=lambda: stage.say("appends, one turn a message")
        )
    seen = _beside(rounds, arms)
    waits = {f"{arm}_p50_ms": rounds.of(arm, lambda load: load.wait_ms(50)).median for arm in arms}
    cost = {f"{arm}_us": rounds.of(arm, lambda load: load.server_us).median for arm in arms}
    with_database = {
        f"{arm}_with_database_us": rounds.of(arm, lambda load: load.serving_us).median for arm in arms
    }
    return [
        Figure("append_vs_naive", rounds.ratio("readback", "naive", lambda load: load.rate), seen | waits),
        Figure("append_vs_strong", rounds.ratio("readback", "strong", lambda load: load.rate), seen),
        Figure(
            "cpu_vs_naive",
            rounds.ratio("readback", "naive", lambda load: load.server_us),
            cost | with_database,
        ),
    ]


async def measure_batches(stage: Stage) -> list[Figure]:
    """16 turns a message: `batch_vs_strong`."""
    async with AsyncExitStack() as stack:
        arms = {
            "readback": await stack.enter_async_context(record_arm(stage, "pg", BATCH)),
            "strong": await stack.enter_async_context(rest_arm(stage, "rest_strong", BATCH)),
        }
        rounds = await interleaved(
            arms, stage.effort.rounds, done=lambda: stage.say("appends, 16 turns a message")
        )
    return [
        Figure(
            "batch_vs_strong",
            rounds.ratio("readback", "strong", lambda load: load.rate),
            _beside(rounds, arms),
        )
    ]


@asynccontextmanager
async def record_arm(stage: Stage, kind: str, batch: int = 1) -> AsyncIterator[Arm]:
    """`Record` streams of a conversation service, on `pg` or `sqlite`."""
    async with (
        stage.conversation(await stage.database(kind)) as server,
        writers.writers(stage, server, STREAMS) as fleet,
    ):
        yield lambda: _costed(
            stage,
            lambda: writers.load(fleet, stage.effort.seconds, window=WINDOW, batch=batch),
            server.pid,
            kind,
        )


@asynccontextmanager
async def rest_arm(stage: Stage, module: str, batch: int = 1, kind: str = "pg") -> AsyncIterator[Arm]:
    """Callers of one of the REST services."""
    async with stage.rest(module, await stage.database(kind)) as server:
        named = module == "rest_naive"
        callers = await RestCallers.connected(
            server.port, callers=STREAMS * WINDOW, conversations=STREAMS, named=named
        )
        try:
            yield lambda: _costed(
                stage, lambda: callers.load(stage.effort.seconds, batch=batch), server.pid, kind
            )
        finally:
            callers.close()


async def _costed(stage: Stage, load: Arm, server: int, kind: str) -> Load:
    database = stage.postgres_pid if kind == "pg" else None
    return await costed(load, server=server, database=database, asking=os.getpid())


def _beside(rounds: Rounds[Load], arms: Mapping[str, Arm]) -> dict[str, float]:
    rates = {f"{arm}_turns_s": rounds.of(arm, lambda load: load.rate).median for arm in arms}
    return rates | {
        f"{arm}_client_busy": rounds.of(arm, lambda load: load.asking_cpu / load.seconds).median
        for arm in arms
    }
