"""Both sides store what they acknowledge: a side that answered without storing would win every comparison."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing

import grpc
import psycopg
import pytest

from bench.transcript_log.load import writers
from bench.transcript_log.load.rest_clients import RequestFailed, RestCallers
from bench.transcript_log.load.watchers import Audience, WatchFailed, catch_up, watch
from bench.transcript_log.measurements import append_throughput as appends
from bench.transcript_log.measurements.floors import floors
from bench.transcript_log.measurements.watcher_memory import Crowd
from bench.transcript_log.testbed.customers import own_connection
from bench.transcript_log.testbed.testbed import Effort, Server, Stage, stage
from tests.postgres_server import PostgresServer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

BRIEF = Effort(rounds=1, seconds=0.2)
NOTES = 2
"""Entries of a call that nobody says: it was started, its agent joined."""


@pytest.fixture
async def standing(postgres: PostgresServer) -> AsyncIterator[Stage]:
    """A stage on the tests' own PostgreSQL."""
    async with stage(BRIEF, lambda _: None) as made:
        made.__dict__["postgres"] = postgres
        yield made


@pytest.fixture(params=["pg", "sqlite"])
async def server(standing: Stage, request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    """The conversation service on either store."""
    async with standing.conversation(await standing.database(request.param)) as running:
        yield running


async def stored(server: Server, writer: writers.Writer) -> int:
    async with (
        own_connection(server.address) as channel,
        watch(channel, writer.customer.metadata, writer.conversation_id) as stream,
    ):
        return await catch_up(stream)


async def test_acked_turns_of_record_streams_are_in_the_log(standing: Stage, server: Server) -> None:
    async with writers.writers(standing, server, 3) as fleet:
        single = await writers.load(fleet, 0.2, window=4)
        batched = await writers.load(fleet, 0.2, window=4, batch=16)
        found = sum(await asyncio.gather(*(stored(server, writer) for writer in fleet)))
    assert found == single.turns + batched.turns + NOTES * len(fleet)


async def test_every_writer_has_a_customer_of_its_own(standing: Stage, server: Server) -> None:
    async with (
        writers.writers(standing, server, 2) as (one, other),
        own_connection(server.address) as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError, match="NOT_FOUND"):
            async with watch(channel, one.customer.metadata, other.conversation_id) as stream:
                await catch_up(stream)


async def test_an_audience_hears_every_turn(standing: Stage, server: Server) -> None:
    audience = Audience(5)
    async with (
        writers.writers(standing, server, 1) as (writer,),
        audience.following(server.address, writer, 2),
    ):
        for _ in range(3):
            await writer.send()
            assert len(await audience.reached()) == 5
            await writer.acked()


async def test_a_crowd_grows_and_says_who_is_gone(standing: Stage) -> None:
    async with AsyncExitStack() as stack:
        async with standing.conversation(await standing.database("sqlite")) as running:
            crowd = Crowd(standing, running, stack)
            await crowd.grow(10)
            await crowd.grow(30)
            crowd.require_all()
        with pytest.raises(WatchFailed, match="of 30 watches ended"):
            await lost(crowd)
        await crowd.leave()


async def lost(crowd: Crowd) -> None:
    async with asyncio.timeout(20):
        while True:
            crowd.require_all()
            await asyncio.sleep(0.05)


def rows(database: str, table: str) -> int:
    question = f"SELECT count(*) FROM {table}"
    if database.startswith("sqlite"):
        with closing(sqlite3.connect(database.partition(":///")[2])) as lite:
            return int(lite.execute(question).fetchone()[0])
    with psycopg.connect(database.replace("+psycopg", "")) as connection:
        found = connection.execute(question.encode()).fetchone()
    assert found is not None
    return int(found[0])


SIDES = (
    ("rest_naive", "pg", "transcripts", 1),
    ("rest_naive", "sqlite", "transcripts", 1),
    ("rest_strong", "pg", "turns", 1),
    ("rest_strong", "pg", "turns", 16),
)


@pytest.mark.parametrize(("module", "kind", "table", "batch"), SIDES)
async def test_acked_turns_of_the_rest_services_are_in_their_tables(
    standing: Stage, module: str, kind: str, table: str, batch: int
) -> None:
    database = await standing.database(kind)
    async with standing.rest(module, database) as running:
        callers = await RestCallers.connected(
            running.port, callers=8, conversations=2, named=module == "rest_naive"
        )
        load = await callers.load(0.2, batch=batch)
        callers.close()
    assert load.turns == rows(database, table) > 0


@pytest.mark.parametrize("module", ["rest_naive", "rest_strong"])
async def test_the_rest_services_refuse_what_is_no_turn(standing: Stage, module: str) -> None:
    async with standing.rest(module, await standing.database("pg")) as running:
        # Speakers in the words of the other service.
        callers = await RestCallers.connected(
            running.port, callers=1, conversations=1, named=module != "rest_naive"
        )
        with pytest.raises(RequestFailed, match="422"):
            await callers.load(0)
        callers.close()


async def test_a_run_under_load_is_told_with_what_it_cost(standing: Stage) -> None:
    async with appends.record_arm(standing, "pg") as arm:
        load = await arm()
    assert load.turns > 0
    assert load.server_cpu > 0
    assert load.asking_cpu > 0


async def test_floors_are_measured(standing: Stage) -> None:
    async with floors(standing) as floor:
        assert 0 < floor.fdatasync() < 1
        assert 0 < floor.tcp_echo() < 0.1
        assert 0 < await floor.ping_pong() < 1
        assert 0 < await floor.unary() < 1
        assert await floor.stream_rate() > 100
