"""Database transactions that declare whether they write, with a time limit."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mesh.database.engine import WRITES
from mesh.database.outages import translate_outages

TRANSACTION_SECONDS = 5.0
"""Time limit of a transaction; shorter than `mesh.calling.retries_and_timeouts.UNARY_TIMEOUT_SECONDS`."""
_READ_ONLY: dict[str, dict[str, object]] = {
    # By default, each statement in PostgreSQL sees all commits so far, so two statements see two states.
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
    "sqlite": {},
}


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a writing transaction. It commits when the block ends, and rolls back if the block raises.

    Raises:
        StoreUnavailable: the database can't be reached. A commit that raises it may still have succeeded.
    """
    async with _transaction(engine, writes=True) as connection:
        yield connection


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a read-only transaction that sees one consistent state.

    Raises:
        StoreUnavailable: the database can't be reached.
    """
    async with _transaction(engine, writes=False) as connection:
        yield connection


@asynccontextmanager
async def _transaction(engine: AsyncEngine, *, writes: bool) -> AsyncIterator[AsyncConnection]:
    with translate_outages():
        async with engine.connect() as connection:
            options = {} if writes else _READ_ONLY[engine.dialect.name]
            await connection.execution_options(**{WRITES: writes}, **options)
            with await _time_limit(connection):
                async with connection.begin():
                    yield connection


@asynccontextmanager
async def asking(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a connection for read-only statements, each of which may see a different state.

    Raises:
        StoreUnavailable: the database can't be reached.
    """
    if engine.dialect.name == "sqlite":  # where a transaction costs nothing
        async with reading(engine) as connection:
            yield connection
        return
    with translate_outages():
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            with await _time_limit(connection):
                yield connection


class WriterQueue:
    """Writing transactions of one process. On SQLite they take turns; PostgreSQL locks single rows."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        # SQLite's waiting writers poll, and some starve for seconds; a lock serves them in order.
        self.turn: AbstractAsyncContextManager[object] = (
            asyncio.Lock() if engine.dialect.name == "sqlite" else nullcontext()
        )
        """Turn of a writer that has a connection of its own."""

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Open a writing transaction when it is this writer's turn. Raises as `writing` does."""
        async with self.turn, writing(self._engine) as connection:
            yield connection

    async def scrub(self) -> None:
        """Erase deleted data from SQLite's write-ahead log, unless another connection is reading it.

        PostgreSQL erases deleted rows when it vacuums the table.
        """
        async with self.turn:
            if self._engine.dialect.name == "sqlite":
                async with self._engine.connect() as connection:
                    driver: Any = (await connection.get_raw_connection()).driver_connection
                    await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # not inside a transaction


async def _time_limit(connection: AsyncConnection) -> AbstractContextManager[None]:
    if connection.dialect.name == "sqlite":
        return nullcontext()
    driver = (await connection.get_raw_connection()).driver_connection
    return hard_timeout(lambda: driver)


@contextmanager
def hard_timeout(driver: Callable[[], Any]) -> Iterator[None]:
    """Shut down psycopg's connection if the block takes longer than `TRANSACTION_SECONDS`.

    `driver` returns the connection, or None if none is open. After the shutdown, its statement raises.
    """
    # Cancelling isn't enough: psycopg would ask the silent server to cancel the statement, and wait for it.
    timer = asyncio.get_running_loop().call_later(TRANSACTION_SECONDS, _shut_down, driver)
    try:
        yield
    finally:
        timer.cancel()


def _shut_down(driver: Callable[[], Any]) -> None:
    connection = driver()
    if connection is not None and not connection.closed:
        with socket.socket(fileno=os.dup(connection.fileno())) as duplicate:
            duplicate.shutdown(socket.SHUT_RDWR)
