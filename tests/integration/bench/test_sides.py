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
from bench.transcript_log.load.rest_clients import RequestFailed, RestClients
from bench.transcript_log.load.watchers import Audience, WatchFailed, catch_up, watch
from bench.transcript_log.measurements import throughput
from bench.transcript_log.measurements.floors import running_floors
from bench.transcript_log.measurements.watcher_memory import Crowd
from bench.transcript_log.testbed.testbed import Effort, Server, Testbed, own_connection, running_testbed
from tests.postgres_server import PostgresServer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

BRIEF = Effort(rounds=1, seconds=0.2)
NOTES = 2
"""Entries of a call besides its turns: it was started, its agent joined."""


@pytest.fixture
async def bed(postgres: PostgresServer) -> AsyncIterator[Testbed]:
    """A testbed on the tests' own PostgreSQL."""
    async with running_testbed(BRIEF, lambda _: None) as made:
        made.__dict__["postgres"] = postgres
        yield made


@pytest.fixture(params=["pg", "sqlite"])
async def server(bed: Testbed, request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    """The conversation service on either store."""
    async with bed.conversation_service(await bed.new_database(request.param)) as running:
        yield running


async def stored(server: Server, writer: writers.Writer) -> int:
    async with (
        own_connection(server.address) as channel,
        watch(channel, writer.customer.metadata, writer.conversation_id) as stream,
    ):
        return await catch_up(stream)


async def test_acked_turns_of_record_streams_are_in_the_log(bed: Testbed, server: Server) -> None:
    async with writers.writers(bed, server, 3) as fleet:
        single = await writers.run_load(fleet, 0.2, window=4)
        batched = await writers.run_load(fleet, 0.2, window=4, batch=16)
        found = sum(await asyncio.gather(*(stored(server, writer) for writer in fleet)))
    assert found == single.turns + batched.turns + NOTES * len(fleet)


async def test_every_writer_has_a_customer_of_its_own(bed: Testbed, server: Server) -> None:
    async with (
        writers.writers(bed, server, 2) as (one, other),
        own_connection(server.address) as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError, match="NOT_FOUND"):
            async with watch(channel, one.customer.metadata, other.conversation_id) as stream:
                await catch_up(stream)


async def test_an_audience_receives_every_turn(bed: Testbed, server: Server) -> None:
    audience = Audience(5)
    async with (
        writers.writers(bed, server, 1) as (writer,),
        audience.following(server.address, writer, 2),
    ):
        for _ in range(3):
            await writer.send()
            assert len(await audience.arrivals()) == 5
            await writer.wait_for_ack()


async def test_a_crowd_grows_and_reports_ended_watches(bed: Testbed) -> None:
    async with AsyncExitStack() as stack:
        async with bed.conversation_service(await bed.new_database("sqlite")) as running:
            crowd = Crowd(bed, running, stack)
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
    bed: Testbed, module: str, kind: str, table: str, batch: int
) -> None:
    database = await bed.new_database(kind)
    async with bed.rest_service(module, database) as running:
        clients = await RestClients.connect(
            running.port, connections=8, conversations=2, named=module == "rest_naive"
        )
        load = await clients.run_load(0.2, batch=batch)
        clients.close()
    assert load.turns == rows(database, table) > 0


@pytest.mark.parametrize("module", ["rest_naive", "rest_strong"])
async def test_the_rest_services_refuse_an_invalid_turn(bed: Testbed, module: str) -> None:
    async with bed.rest_service(module, await bed.new_database("pg")) as running:
        # Speakers in the words of the other service.
        clients = await RestClients.connect(
            running.port, connections=1, conversations=1, named=module != "rest_naive"
        )
        with pytest.raises(RequestFailed, match="422"):
            await clients.run_load(0)
        clients.close()


async def test_a_run_under_load_reports_its_cpu(bed: Testbed) -> None:
    async with throughput.record_side(bed, "pg") as run:
        load = await run()
    assert load.turns > 0
    assert load.server_cpu > 0
    assert load.client_cpu > 0


async def test_floors_are_measured(bed: Testbed) -> None:
    async with running_floors(bed) as floor:
        assert 0 < floor.fdatasync() < 1
        assert 0 < floor.tcp_echo() < 0.1
        assert 0 < await floor.ping_pong() < 1
        assert 0 < await floor.unary() < 1
        assert await floor.stream_rate() > 100
