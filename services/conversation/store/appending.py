"""The thread that writes appends on its own connection, so that commits don't block the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from mesh.database.engine import POSTGRES
from mesh.database.outages import translate_outages
from mesh.database.transactions import hard_timeout
from mesh.errors import StoreUnavailable
from services.conversation.model.log_state import Changes
from services.conversation.store import postgres_append, sqlite_append


class Reconnected(Exception):
    """Raised after a lost database connection was reopened.

    It may lead to another server without the last commits, so earlier reads are no longer valid.
    """


class Appender:
    """The thread that appends to one database.

    It connects at the first append, and again after a lost connection.

    After a failover, the new PostgreSQL server may lack the last commits of the old one. A feed can then
    reach the same version a second time. Changes that were planned on the old server would pass the version
    check and overwrite newer entries. So changes that were planned before a reconnection are never written.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        is_sqlite = engine.dialect.name == "sqlite"
        self._connect = _sqlite(engine.url) if is_sqlite else _postgres(engine)
        self._write: Callable[[Any, Sequence[Changes]], set[str]] = (
            sqlite_append.append if is_sqlite else postgres_append.append
        )
        self._limited: Callable[[], AbstractContextManager[None]] = (
            nullcontext if is_sqlite else lambda: hard_timeout(lambda: self._connection)
        )
        self._thread: ThreadPoolExecutor | None = None
        self._connection: Any = None
        self._was_lost = False

    async def append(self, group: Sequence[Changes]) -> set[str]:
        """Write a group in one transaction; return the ids of the customers whose changes are durable.

        A customer's changes are not written if the version of their feed has changed.

        Raises:
            StoreUnavailable: the database can't be reached. The group may or may not have been written.
            Reconnected: a lost connection was reopened. Nothing was written; plan the group again.
        """
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="append")
        with self._limited():
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._append, group)

    def close(self) -> None:
        """Close the connection and end the thread, after its current transaction."""
        if self._thread is not None:
            self._thread.submit(self._disconnect).result()
            self._thread.shutdown()
            self._thread = None

    def _append(self, group: Sequence[Changes]) -> set[str]:
        if self._connection is None:
            self._open()
        try:
            with translate_outages():
                return self._write(self._connection, group)
        except StoreUnavailable:
            # The connection may be unusable. After other errors (an invalid statement), it can still be used.
            self._disconnect()
            raise

    def _open(self) -> None:
        with translate_outages():
            self._connection = self._connect()
        if self._was_lost:
            self._was_lost = False
            raise Reconnected

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._was_lost = True
            connection.close()


def _sqlite(url: URL) -> Callable[[], Any]:
    return lambda: sqlite_append.open_connection(url.database or "")


def _postgres(engine: AsyncEngine) -> Callable[[], Any]:
    _, conninfo = engine.dialect.create_connect_args(engine.url)
    return lambda: postgres_append.open_connection({**conninfo, **POSTGRES})
