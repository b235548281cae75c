"""The append thread: it has its own connection, so that a commit takes the event loop one turn only."""

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
    """The database was away and is back.

    It may be another server without the last commits, so all reads are void.
    """


class Appender:
    """The thread that appends to one database.

    It connects at the first append and after a lost connection.

    A PostgreSQL that took over from another may lack the last commits of that one. A feed may then reach the
    same version twice, and changes planned for the first would overwrite entries added since. Therefore
    nothing is written that was planned before the connection was made.
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
        """Write a group in one transaction; return the customers whose changes are durable.

        A customer is skipped if the version of their feed has changed.

        Raises:
            StoreUnavailable: the database is away; the group may have been written.
            Reconnected: it was away and is back; nothing was written, and the group must be planned again.
        """
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="append")
        with self._limited():
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._append, group)

    def close(self) -> None:
        """End the thread, after the transaction it is writing."""
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
            # The connection may be in any state. (An invalid statement raises another error and leaves it
            # usable.)
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
