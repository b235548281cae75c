"""Transactions, and idempotent requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from readback.internal.identity.v1 import identity_internal_service_pb2 as internal
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from mesh.database.engine import open_engine
from mesh.database.idempotency import IdempotencyStore, requests_table
from mesh.database.transactions import reading, writing
from mesh.errors import RequestIdReused
from tests.postgres_server import PostgresServer

pytestmark = pytest.mark.integration

METADATA = MetaData()
REQUESTS = requests_table(METADATA)
COUNTERS = Table("counters", METADATA, Column("value", Integer))
ID = "0b6e3c1a-6a3a-4f5f-8b29-4f8a2f0c7a11"


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[AsyncEngine]:
    engine = open_engine(url)
    async with writing(engine) as connection:
        await connection.run_sync(METADATA.create_all)
        await connection.execute(insert(COUNTERS).values(value=0))
    yield engine
    await engine.dispose()


@pytest_asyncio.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    async with _opened(f"sqlite+aiosqlite:///{tmp_path}/new/folder/test.db") as engine:
        yield engine


@pytest_asyncio.fixture
async def on_postgres(postgres: PostgresServer) -> AsyncIterator[AsyncEngine]:
    async with _opened(postgres.new_database()) as engine:
        yield engine


@pytest.fixture(params=["engine", "on_postgres"])
def either(request: pytest.FixtureRequest) -> AsyncEngine:
    engine: AsyncEngine = request.getfixturevalue(request.param)
    return engine


async def _value(engine: AsyncEngine):
    async with reading(engine) as connection:
        return (await connection.execute(select(COUNTERS.c.value))).scalar_one()


async def test_sqlite_is_opened_for_durability(engine: AsyncEngine) -> None:
    async with reading(engine) as connection:
        assert (await connection.execute(text("PRAGMA journal_mode"))).scalar_one() == "wal"
        assert (await connection.execute(text("PRAGMA synchronous"))).scalar_one() == 2
        assert (await connection.execute(text("PRAGMA foreign_keys"))).scalar_one() == 1


async def test_writers_that_read_first_do_not_lose_each_others_writes(engine: AsyncEngine) -> None:
    async def increment() -> None:
        async with writing(engine) as connection:
            seen = (await connection.execute(select(COUNTERS.c.value))).scalar_one()
            await asyncio.sleep(0)
            await connection.execute(COUNTERS.update().values(value=seen + 1))

    await asyncio.gather(*(increment() for _ in range(20)))
    assert await _value(engine) == 20


async def test_a_reading_transaction_sees_one_state(either: AsyncEngine) -> None:
    async with reading(either) as connection:
        before = (await connection.execute(select(COUNTERS.c.value))).scalar_one()
        async with writing(either) as other:
            await other.execute(COUNTERS.update().values(value=before + 1))
        assert (await connection.execute(select(COUNTERS.c.value))).scalar_one() == before
    assert await _value(either) == before + 1


async def test_a_connection_that_only_read_may_write_the_next_time(either: AsyncEngine) -> None:
    for value in range(1, 4):
        await _value(either)
        async with writing(either) as connection:
            await connection.execute(COUNTERS.update().values(value=value))
        assert await _value(either) == value


async def test_an_error_rolls_the_whole_transaction_back(engine: AsyncEngine) -> None:
    with pytest.raises(RuntimeError):
        async with writing(engine) as connection:
            await connection.execute(COUNTERS.update().values(value=99))
            raise RuntimeError
    assert await _value(engine) == 0


async def _logout(
    engine: AsyncEngine, owner: str, request_id: str, grant: str
) -> tuple[internal.ExchangeTokenResponse, bool]:
    did = False

    async with writing(engine) as connection:

        async def do() -> internal.ExchangeTokenResponse:
            nonlocal did
            did = True
            return internal.ExchangeTokenResponse(access_token=grant)

        request = internal.ExchangeTokenRequest(grant=grant)
        answer = await IdempotencyStore(REQUESTS).once(
            connection, owner, request_id, request, internal.ExchangeTokenResponse, do
        )
    return answer, did


async def test_the_same_request_runs_once_and_gets_the_same_response(engine: AsyncEngine) -> None:
    first, did = await _logout(engine, "ada", ID, "g")
    again, did_again = await _logout(engine, "ada", ID, "g")
    assert (did, did_again) == (True, False)
    assert first == again


async def test_the_same_id_with_another_payload_is_refused(engine: AsyncEngine) -> None:
    await _logout(engine, "ada", ID, "g")
    with pytest.raises(RequestIdReused):
        await _logout(engine, "ada", ID, "another")


async def test_two_customers_may_choose_the_same_id(engine: AsyncEngine) -> None:
    await _logout(engine, "ada", ID, "g")
    _, did = await _logout(engine, "bob", ID, "another")
    assert did
