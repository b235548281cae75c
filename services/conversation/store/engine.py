"""A database of conversations: transactions on it, and appends to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Connection, event, select
from sqlalchemy.ext.asyncio import AsyncEngine

from mesh.database import transactions
from services.conversation.log.states import CustomerState, LogState
from services.conversation.model.changes import Changes
from services.conversation.store import postgres_append, sqlite_append
from services.conversation.store.appending import Appender
from services.conversation.store.schema import log_identity
from services.conversation.store.states import states_of_calls
from services.conversation.store.transactions import Transaction


class Store:
    """Where conversations are kept."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._appender = Appender(engine)
        # SQLite lets writers wait by polling, the unlucky ones for long; in one process they queue here instead.
        self._turn = asyncio.Lock() if engine.dialect.name == "sqlite" else _Unlimited()
        event.listen(engine.sync_engine, "engine_disposed", lambda _: self._appender.close())

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """One consistent view."""
        async with transactions.reading(self._engine) as connection:
            yield Transaction(connection, writes=False)

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[Transaction]:
        """Questions that are one statement each: without a transaction around them, which costs PostgreSQL two more round trips."""
        async with transactions.asking(self._engine) as connection:
            yield Transaction(connection, writes=False)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Transaction]:
        """All or nothing, durable on leaving."""
        async with self._turn, transactions.writing(self._engine) as connection:
            yield Transaction(connection, writes=True)

    async def scrub(self) -> None:
        """After a deletion: leaves nothing of it in SQLite's write-ahead log, unless somebody is reading there just now."""
        if self._engine.dialect.name == "sqlite":
            async with self._turn, self._engine.connect() as connection:
                driver: Any = (await connection.get_raw_connection()).driver_connection
                await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # not inside a transaction

    async def incarnation(self) -> bytes:
        """16 bytes that this database alone has."""
        async with transactions.reading(self._engine) as connection:
            return bytes((await connection.execute(select(log_identity.c.incarnation))).scalar_one())

    async def states(self, call_ids: Collection[str], logs: Mapping[str, LogState]) -> list[CustomerState]:
        """What is to be known to append in these calls, by customer; calls that don't exist are left out."""
        async with self.reading() as transaction:
            return await states_of_calls(transaction, call_ids, logs)

    async def append(self, group: Sequence[Changes]) -> set[str]:
        """Writes each customer's changes if their logs are as expected, all in one transaction; says whose were."""
        async with self._turn:
            return await self._appender.append(group)


async def write(transaction: Transaction, changes: Changes) -> None:
    """Writes changes inside a transaction that has locked the customer's feed."""

    def written(connection: Connection) -> bool:
        cursor: Any = connection.connection.cursor()
        try:
            if connection.dialect.name == "sqlite":
                return sqlite_append.write(cursor, changes)
            return bool(postgres_append.write(cursor, [changes]))
        finally:
            cursor.close()

    if not await transaction.connection.run_sync(written):
        raise RuntimeError("a log changed under its lock")


class _Unlimited:
    """Lets everybody pass: PostgreSQL's own locks are finer."""

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *raised: object) -> None:
        return None
