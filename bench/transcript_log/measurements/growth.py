"""How cost grows: appends with the number of conversations that are written at once, catching up with the length of a log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import grpc

from bench.transcript_log.load import writers
from bench.transcript_log.load.rest_clients import RestCallers
from bench.transcript_log.load.watchers import catch_up, next_of, watch
from bench.transcript_log.testbed.customers import own_connection
from bench.transcript_log.testbed.testbed import Stage

CONVERSATIONS = (1, 10, 100, 1000)
ENTRIES = (1000, 10_000, 100_000, 1_000_000)
STORES = {"pg": "PostgreSQL", "sqlite": "SQLite"}
RUNS = 3
"""Runs of each point, of which the middle one is told."""
BATCH = 256
"""Turns a message, where a log is only to be filled."""


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement."""

    size: int
    """Conversations, or entries."""
    rate: float
    """Turns a second."""
    wait_ms: float
    """Of appends the 99th percentile from handing in to ack; of catching up the time until the first entries are there."""


Growth = Mapping[str, Sequence[Point]]
"""Points by the name of their line."""


async def appends(stage: Stage) -> Growth:
    """Every conversation has one agent with one turn out; beside them the REST services with as many callers."""
    sizes = CONVERSATIONS if stage.effort.whole else CONVERSATIONS[:-1]
    lines = {
        f"Readback, {name}": await _appends_readback(stage, kind, sizes) for kind, name in STORES.items()
    }
    for module, name in (
        ("rest_strong", "strong REST, PostgreSQL"),
        ("rest_naive", "naive REST, PostgreSQL"),
    ):
        lines[name] = await _appends_rest(stage, module, sizes)
    return lines


async def _appends_readback(stage: Stage, kind: str, sizes: Sequence[int]) -> list[Point]:
    points: list[Point] = []
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(stage.conversation(await stage.database(kind)))
        fleet: list[writers.Writer] = []
        for size in sizes:
            stage.say(f"{size} conversations at once, {kind}")
            fleet += await stack.enter_async_context(
                writers.writers(stage, server, size - len(fleet), first_seed=len(fleet))
            )
            runs = [await writers.load(fleet, stage.effort.seconds / 2, window=1) for _ in range(RUNS)]
            run = sorted(runs, key=lambda load: load.rate)[RUNS // 2]
            points.append(Point(size, run.rate, run.wait_ms(99)))
    return points


async def _appends_rest(stage: Stage, module: str, sizes: Sequence[int]) -> list[Point]:
    points: list[Point] = []
    async with stage.rest(module, await stage.database("pg")) as server:
        for size in sizes:
            stage.say(f"{size} callers at once, {module}")
            callers = await RestCallers.connected(
                server.port, callers=size, conversations=size, named=module == "rest_naive"
            )
            runs = [await callers.load(stage.effort.seconds / 2) for _ in range(RUNS)]
            callers.close()
            run = sorted(runs, key=lambda load: load.rate)[RUNS // 2]
            points.append(Point(size, run.rate, run.wait_ms(99)))
    return points


async def catching_up(stage: Stage) -> Growth:
    """One watcher reads a log of so many entries from its beginning."""
    sizes = ENTRIES if stage.effort.whole else ENTRIES[:-1]
    return {f"Readback, {name}": await _catching_up(stage, kind, sizes) for kind, name in STORES.items()}


async def _catching_up(stage: Stage, kind: str, sizes: Sequence[int]) -> list[Point]:
    points: list[Point] = []
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(stage.conversation(await stage.database(kind)))
        fleet = await stack.enter_async_context(writers.writers(stage, server, len(sizes)))
        stage.say(f"filling logs, {kind}")
        await asyncio.gather(
            *(writer.write(size, batch=BATCH) for writer, size in zip(fleet, sizes, strict=True))
        )
        channel = await stack.enter_async_context(own_connection(server.address))
        for writer, size in zip(fleet, sizes, strict=True):
            stage.say(f"catching up with {size} entries, {kind}")
            runs = [await _caught_up(channel, writer, size) for _ in range(RUNS)]
            points.append(sorted(runs, key=lambda point: point.rate)[RUNS // 2])
    return points


async def _caught_up(channel: grpc.aio.Channel, writer: writers.Writer, size: int) -> Point:
    began = time.perf_counter()
    async with watch(channel, writer.customer.metadata, writer.conversation_id) as stream:
        await next_of(stream)
        first = time.perf_counter() - began
        await catch_up(stream)
    return Point(size, size / (time.perf_counter() - began), first * 1000)
