"""Durable turns per second and their CPU: `Record` streams against two REST services, on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from bench.transcript_log.figures import Figure
from bench.transcript_log.interleaved_rounds import Rounds, interleaved
from bench.transcript_log.load.load_result import LoadResult, with_cpu
from bench.transcript_log.load.rest_clients import RestClients
from bench.transcript_log.load.writers import run_load, writers
from bench.transcript_log.testbed.testbed import Testbed

STREAMS, WINDOW, BATCH = 16, 8, 16
"""16 conversations with 8 open messages each; REST services have as many requests, on 128 connections."""

Run = Callable[[], Awaitable[LoadResult]]


async def measure(bed: Testbed) -> list[Figure]:
    """Measure one turn per message: `append_vs_naive`, `append_vs_strong`, `cpu_vs_naive`."""
    async with AsyncExitStack() as stack:
        sides = {
            "readback": await stack.enter_async_context(record_side(bed, "pg")),
            "naive": await stack.enter_async_context(rest_side(bed, "rest_naive")),
            "strong": await stack.enter_async_context(rest_side(bed, "rest_strong")),
        }
        rounds = await interleaved(
            sides, bed.effort.rounds, done=lambda: bed.progress("appends, one turn a message")
        )

    def medians(unit: str, value: Callable[[LoadResult], float]) -> dict[str, float]:
        return {f"{side}_{unit}": rounds.of(side, value).median for side in sides}

    rates, waits = _rates(rounds, sides), medians("p50_ms", lambda run: run.wait_ms(50))
    cpu = medians("us", lambda run: run.server_us)
    cpu |= medians("with_database_us", lambda run: run.server_and_database_us)
    return [
        Figure("append_vs_naive", rounds.ratio("readback", "naive", lambda run: run.rate), rates | waits),
        Figure("append_vs_strong", rounds.ratio("readback", "strong", lambda run: run.rate), rates),
        Figure("cpu_vs_naive", rounds.ratio("readback", "naive", lambda run: run.server_us), cpu),
    ]


async def measure_batches(bed: Testbed) -> list[Figure]:
    """Measure 16 turns per message: `batch_vs_strong`."""
    async with AsyncExitStack() as stack:
        sides = {
            "readback": await stack.enter_async_context(record_side(bed, "pg", BATCH)),
            "strong": await stack.enter_async_context(rest_side(bed, "rest_strong", BATCH)),
        }
        rounds = await interleaved(
            sides, bed.effort.rounds, done=lambda: bed.progress("appends, 16 turns a message")
        )
    ratio = rounds.ratio("readback", "strong", lambda run: run.rate)
    return [Figure("batch_vs_strong", ratio, _rates(rounds, sides))]


@asynccontextmanager
async def record_side(bed: Testbed, kind: str, batch: int = 1) -> AsyncIterator[Run]:
    """Yield a run of `Record` streams to a conversation service, on `pg` or `sqlite`."""
    async with (
        bed.conversation_service(await bed.new_database(kind)) as server,
        writers(bed, server, STREAMS) as fleet,
    ):
        database = bed.postgres_pid if kind == "pg" else None
        yield lambda: with_cpu(
            lambda: run_load(fleet, bed.effort.seconds, window=WINDOW, batch=batch),
            server=server.pid,
            database=database,
        )


@asynccontextmanager
async def rest_side(bed: Testbed, module: str, batch: int = 1, kind: str = "pg") -> AsyncIterator[Run]:
    """Yield a run of clients of a REST service."""
    async with bed.rest_service(module, await bed.new_database(kind)) as server:
        clients = await RestClients.connect(
            server.port, connections=STREAMS * WINDOW, conversations=STREAMS, named=module == "rest_naive"
        )
        database = bed.postgres_pid if kind == "pg" else None
        try:
            yield lambda: with_cpu(
                lambda: clients.run_load(bed.effort.seconds, batch=batch),
                server=server.pid,
                database=database,
            )
        finally:
            clients.close()


def _rates(rounds: Rounds[LoadResult], sides: Mapping[str, Run]) -> dict[str, float]:
    rates = {f"{side}_turns_s": rounds.of(side, lambda run: run.rate).median for side in sides}
    return rates | {
        f"{side}_client_busy": rounds.of(side, lambda run: run.client_cpu / run.seconds).median
        for side in sides
    }
