"""Throughput: appends against two REST services, and catching up with a long log against a raw stream.

`append_vs_naive`, `append_vs_strong`, `cpu_vs_naive`, `batch_vs_strong`, `replay_vs_single`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub

from bench.transcript_log.figures import Figure
from bench.transcript_log.interleaved_rounds import Rounds
from bench.transcript_log.load.load_result import LoadResult, with_cpu
from bench.transcript_log.load.rest_clients import RestClients
from bench.transcript_log.load.watchers import catch_up, watch
from bench.transcript_log.load.writers import run_load, writers
from bench.transcript_log.measurements.floors import running_floors
from bench.transcript_log.testbed.testbed import Testbed, own_connection

STREAMS, WINDOW, BATCH = 16, 8, 16
"""16 conversations with 8 open messages each. REST services have 128 open requests, one per connection."""
REPLAYED_TURNS = 50_000
REST_SECONDS = 8
"""Pause before each replay of so many turns, after which a customer replays without waiting."""

Run = Callable[[], Awaitable[LoadResult]]


async def measure_appends(bed: Testbed) -> list[Figure]:
    """Measure one turn per message: `append_vs_naive`, `append_vs_strong`, `cpu_vs_naive`."""
    async with AsyncExitStack() as stack:
        sides = {
            "readback": await stack.enter_async_context(record_side(bed, "pg")),
            "naive": await stack.enter_async_context(rest_side(bed, "rest_naive")),
            "strong": await stack.enter_async_context(rest_side(bed, "rest_strong")),
        }
        rounds = await bed.compare("appends, one turn a message", sides)
    rates, waits = _rates(rounds, sides), _medians(rounds, sides, "p50_ms", lambda run: run.wait_ms(50))
    cpu = _medians(rounds, sides, "us", lambda run: run.server_us)
    cpu |= _medians(rounds, sides, "with_database_us", lambda run: run.server_and_database_us)
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
        rounds = await bed.compare("appends, 16 turns a message", sides)
    ratio = rounds.ratio("readback", "strong", lambda run: run.rate)
    return [Figure("batch_vs_strong", ratio, _rates(rounds, sides))]


@asynccontextmanager
async def record_side(bed: Testbed, kind: str, batch: int = 1) -> AsyncIterator[Run]:
    """Yield a run of `Record` streams to a conversation service, on `pg` or `sqlite`."""
    async with (
        bed.conversation_service(await bed.new_database(kind)) as server,
        writers(bed, server, STREAMS) as fleet,
    ):
        database = bed.postgres.pid if kind == "pg" else None
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
        database = bed.postgres.pid if kind == "pg" else None
        try:
            yield lambda: with_cpu(
                lambda: clients.run_load(bed.effort.seconds, batch=batch),
                server=server.pid,
                database=database,
            )
        finally:
            clients.close()


def _rates(rounds: Rounds[LoadResult], sides: Iterable[str]) -> dict[str, float]:
    rates = _medians(rounds, sides, "turns_s", lambda run: run.rate)
    return rates | _medians(rounds, sides, "client_busy", lambda run: run.client_cpu / run.seconds)


def _medians(
    rounds: Rounds[LoadResult], sides: Iterable[str], unit: str, value: Callable[[LoadResult], float]
) -> dict[str, float]:
    return {f"{side}_{unit}": rounds.of(side, value).median for side in sides}


async def measure_catch_up(bed: Testbed) -> list[Figure]:
    """Measure the watch of a complete log on PostgreSQL, from its beginning until it is caught up."""
    async with AsyncExitStack() as stack:
        floors = await stack.enter_async_context(running_floors(bed))
        server = await stack.enter_async_context(bed.conversation_service(await bed.new_database("pg")))
        (writer,) = await stack.enter_async_context(writers(bed, server, 1))
        await writer.write(bed.effort.scaled(REPLAYED_TURNS))
        channel = await stack.enter_async_context(own_connection(server.address))
        metadata = writer.customer.metadata
        # The search waits until indexing is done, so that it doesn't run during the measurement.
        search = pb.SearchEntriesRequest(query="flight", page_size=1)
        await ConversationServiceStub(channel).SearchEntries(search, metadata=metadata)

        async def replay() -> float:
            await asyncio.sleep(bed.effort.scaled(REST_SECONDS))
            began = time.perf_counter()
            async with watch(channel, metadata, writer.conversation_id) as stream:
                return await catch_up(stream) / (time.perf_counter() - began)

        sides = {"replay": replay, "single": floors.stream_rate}
        rounds = await bed.compare("catching up", sides)
    rates = {f"{side}_turns_s": rounds.of(side, float).median for side in sides}
    return [Figure("replay_vs_single", rounds.ratio("replay", "single", float), rates)]
