"""PostgreSQL that crashes, restarts, or stops answering: transactions end in time and the pool recovers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from mesh.database import transactions
from mesh.database.engine import open_engine
from mesh.errors import StoreUnavailable
from tests.postgres_server import PostgresServer, postgres_server

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """A server that tests may stop."""
    with postgres_server() as server:
        yield server


@pytest.fixture
async def engine(own_postgres: PostgresServer) -> AsyncIterator[AsyncEngine]:
    engine = open_engine(own_postgres.url())
    yield engine
    await engine.dispose()


async def ask(engine: AsyncEngine) -> int:
    async with transactions.reading(engine) as connection:
        return int((await connection.execute(text("SELECT 1"))).scalar_one())


async def test_a_crashed_server_is_unavailable_until_it_is_back(
    engine: AsyncEngine, own_postgres: PostgresServer
) -> None:
    await asyncio.gather(*(ask(engine) for _ in range(5)))  # the pool holds connections
    own_postgres.stop("immediate")
    try:
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                await ask(engine)
    finally:
        own_postgres.start()
    assert await ask(engine) == 1


async def test_one_broken_connection_invalidates_the_pool_of_a_restarted_server(
    engine: AsyncEngine, own_postgres: PostgresServer
) -> None:
    await asyncio.gather(*(ask(engine) for _ in range(5)))
    own_postgres.stop("immediate")
    own_postgres.start()
    with pytest.raises(StoreUnavailable):
        await ask(engine)
    assert await asyncio.gather(*(ask(engine) for _ in range(5))) == [1] * 5


async def test_server_that_crashes_inside_a_transaction_is_unavailable(
    engine: AsyncEngine, own_postgres: PostgresServer
) -> None:
    with pytest.raises(StoreUnavailable):
        async with transactions.writing(engine) as connection:
            await connection.execute(text("CREATE TABLE doubtful (x int)"))
            own_postgres.stop("immediate")
            own_postgres.start()
            await connection.execute(text("SELECT 1"))


async def test_a_silent_server_hits_the_time_limit(
    engine: AsyncEngine, own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "TRANSACTION_SECONDS", 0.3)
    main = psutil.Process(own_postgres.pid)
    await ask(engine)
    silenced = [main, *main.children()]
    try:
        for process in silenced:
            process.suspend()
        with pytest.raises(StoreUnavailable):
            async with asyncio.timeout(10):
                await ask(engine)
    finally:
        for process in silenced:
            process.resume()
    assert await ask(engine) == 1


async def test_a_wrong_statement_is_not_an_outage(engine: AsyncEngine) -> None:
    with pytest.raises(Exception, match="nowhere") as caught:
        async with transactions.reading(engine) as connection:
            await connection.execute(text("SELECT * FROM nowhere"))
    assert not isinstance(caught.value, StoreUnavailable)
