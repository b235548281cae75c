"""Growth of cost: of appends with the number of active conversations, of catching up with a log's length."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import grpc

from bench.transcript_log.load.load_result import LoadResult
from bench.transcript_log.load.rest_clients import RestClients
from bench.transcript_log.load.watchers import catch_up, next_of, watch
from bench.transcript_log.load.writers import Writer, run_load, writers
from bench.transcript_log.testbed.testbed import Testbed, own_connection

CONVERSATIONS = (1, 10, 100, 1000)
ENTRIES = (1000, 10_000, 100_000, 1_000_000)
STORES = {"pg": "PostgreSQL", "sqlite": "SQLite"}
REST_SERVICES = {"rest_strong": "strong REST, PostgreSQL", "rest_naive": "naive REST, PostgreSQL"}
RUNS = 3
"""Runs of each point, of which the median counts."""
BATCH = 256
"""Turns per message when a log is filled."""


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement."""

    size: int
    """Number of conversations, or of entries."""
    rate: float
    """Turns per second."""
    wait_ms: float
    """Appends: 99th percentile of the time to the ack. Catching up: time to the first entries."""


Growth = Mapping[str, Sequence[Point]]
"""Points of each line of a plot, by the line's name."""


async def appends(bed: Testbed) -> Growth:
    """Measure one agent per conversation with one open turn, and REST services with as many clients."""
    sizes = CONVERSATIONS if bed.effort.is_full else CONVERSATIONS[:-1]
    lines = {f"Readback, {name}": await _appends(bed, kind, sizes) for kind, name in STORES.items()}
    return lines | {name: await _posts(bed, module, sizes) for module, name in REST_SERVICES.items()}


async def _appends(bed: Testbed, kind: str, sizes: Sequence[int]) -> list[Point]:
    points: list[Point] = []
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(bed.conversation_service(await bed.new_database(kind)))
        fleet: list[Writer] = []
        for size in sizes:
            bed.progress(f"{size} conversations at once, {kind}")
            more = writers(bed, server, size - len(fleet), first_seed=len(fleet))
            fleet += await stack.enter_async_context(more)
            runs = [await run_load(fleet, bed.effort.seconds / 2, window=1) for _ in range(RUNS)]
            points.append(_middle(size, runs))
    return points


async def _posts(bed: Testbed, module: str, sizes: Sequence[int]) -> list[Point]:
    points: list[Point] = []
    async with bed.rest_service(module, await bed.new_database("pg")) as server:
        for size in sizes:
            bed.progress(f"{size} clients at once, {module}")
            clients = await RestClients.connect(
                server.port, connections=size, conversations=size, named=module == "rest_naive"
            )
            runs = [await clients.run_load(bed.effort.seconds / 2) for _ in range(RUNS)]
            clients.close()
            points.append(_middle(size, runs))
    return points


def _middle(size: int, runs: list[LoadResult]) -> Point:
    run = sorted(runs, key=lambda run: run.rate)[RUNS // 2]
    return Point(size, run.rate, run.wait_ms(99))


async def catching_up(bed: Testbed) -> Growth:
    """Measure one watcher that reads logs of different lengths from the beginning."""
    sizes = ENTRIES if bed.effort.is_full else ENTRIES[:-1]
    return {f"Readback, {name}": await _catching_up(bed, kind, sizes) for kind, name in STORES.items()}


async def _catching_up(bed: Testbed, kind: str, sizes: Sequence[int]) -> list[Point]:
    points: list[Point] = []
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(bed.conversation_service(await bed.new_database(kind)))
        fleet = await stack.enter_async_context(writers(bed, server, len(sizes)))
        bed.progress(f"filling logs, {kind}")
        filling = (writer.write(size, batch=BATCH) for writer, size in zip(fleet, sizes, strict=True))
        await asyncio.gather(*filling)
        channel = await stack.enter_async_context(own_connection(server.address))
        for writer, size in zip(fleet, sizes, strict=True):
            bed.progress(f"catching up with {size} entries, {kind}")
            runs = [await _catch_up(channel, writer, size) for _ in range(RUNS)]
            points.append(sorted(runs, key=lambda point: point.rate)[RUNS // 2])
    return points


async def _catch_up(channel: grpc.aio.Channel, writer: Writer, size: int) -> Point:
    began = time.perf_counter()
    async with watch(channel, writer.customer.metadata, writer.conversation_id) as stream:
        await next_of(stream)
        first = time.perf_counter() - began
        await catch_up(stream)
    return Point(size, size / (time.perf_counter() - began), first * 1000)
