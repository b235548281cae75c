"""The database of conversations: transactions and appends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Connection, event, select
from sqlalchemy.ext.asyncio import AsyncEngine

from mesh.database import transactions
from services.conversation.model.log_state import Changes, CustomerState, LogState
from services.conversation.slow_work import customer_turns
from services.conversation.store import postgres_append, sqlite_append
from services.conversation.store.appending import Appender
from services.conversation.store.schema import log_identity
from services.conversation.store.states import states_of_calls
from services.conversation.store.transactions import Transaction


class Store:
    """The database of conversations.

    Args:
        waiting: slow requests of one customer that run or wait.
    """

    def __init__(self, engine: AsyncEngine, *, waiting: int = 32) -> None:
        self._engine = engine
        self.turns = customer_turns(waiting)
        """Turns of the customers' slow work."""
        self._appender = Appender(engine)
        self._writers = transactions.WriterQueue(engine)
        event.listen(engine.sync_engine, "engine_disposed", lambda _: self._appender.close())

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """Open a read transaction. All of its reads see the same snapshot."""
        async with transactions.reading(self._engine) as connection:
            yield Transaction(connection, writes=False)

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[Transaction]:
        """Open a connection for single statements, without a transaction.

        On PostgreSQL a transaction would need two more round trips.
        """
        async with transactions.asking(self._engine) as connection:
            yield Transaction(connection, writes=False)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Transaction]:
        """Open a write transaction. It is committed when the block ends, or rolled back if it raises."""
        async with self._writers.writing() as connection:
            yield Transaction(connection, writes=True)

    async def scrub(self) -> None:
        """Erase deleted data from SQLite's write-ahead log, unless another connection is reading it."""
        await self._writers.scrub()

    async def incarnation(self) -> bytes:
        """Return the 16 bytes that identify this database."""
        async with transactions.reading(self._engine) as connection:
            return bytes((await connection.execute(select(log_identity.c.incarnation))).scalar_one())

    async def states(self, call_ids: Collection[str], logs: Mapping[str, LogState]) -> list[CustomerState]:
        """Read the states needed to append in these calls; see `states_of_calls`."""
        async with self.reading() as transaction:
            return await states_of_calls(transaction, call_ids, logs)

    async def append(self, group: Sequence[Changes]) -> set[str]:
        """Write a group in one transaction; see `Appender.append`."""
        async with self._writers.turn:
            return await self._appender.append(group)


async def write(transaction: Transaction, changes: Changes) -> None:
    """Write one customer's changes inside a transaction. It must have locked the customer's feed."""

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
