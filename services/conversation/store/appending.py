"""Where appends are written: one thread with a connection of its own, so that a commit takes no turn of the event loop but the last."""

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
from services.conversation.model.changes import Changes
from services.conversation.store import postgres_append, sqlite_append


class Reconnected(Exception):
    """The store was away and may be another server now, which never heard of the last commits: nothing that was read before still holds."""


Write = Callable[[Any, Sequence[Changes]], set[str]]


class Appender:
    """The thread that appends to one database. Its connection is opened when it is first needed and after it was lost.

    A PostgreSQL that took over from another may lack what that one committed last. Then a feed reaches a version for a second time, and
    what was planned for the first would be written over what came since. So nothing is written that was planned before the connection
    stood.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        is_sqlite = engine.dialect.name == "sqlite"
        self._connect = _sqlite(engine.url) if is_sqlite else _postgres(engine)
        self._write: Write = sqlite_append.append if is_sqlite else postgres_append.append
        self._limited: Callable[[], AbstractContextManager[None]] = (
            nullcontext if is_sqlite else lambda: hard_timeout(lambda: self._connection)
        )
        self._thread: ThreadPoolExecutor | None = None
        self._connection: Any = None
        self._was_lost = False

    async def append(self, group: Sequence[Changes]) -> set[str]:
        """Writes each customer's changes if their logs are as expected, all in one transaction; says whose were.

        Raises:
            StoreUnavailable: the database is away; the group may have been written.
            Reconnected: it was away and is back; the group was not written, and is to be planned anew from what is read now.
        """
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="append")
        with self._limited():
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._append, group)

    def close(self) -> None:
        """Ends the thread, after what it is writing."""
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
            # It may be in the middle of anything; the next one begins anew. What is wrong with a statement leaves it as it was.
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
