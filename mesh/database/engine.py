"""Database engines with safe defaults.

SQLite is opened for durability (WAL, synchronous=FULL: a commit is on disk when it returns), with secure
deletion, and with explicit transactions: the driver's implicit ones begin late, and can fail when a
transaction that has read begins to write.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from mesh.settings import ConfigurationError

WRITES = "readback_writes"
"""Execution option that marks a connection whose next transaction writes."""
POSTGRES: Mapping[str, Any] = {
    "connect_timeout": 2,
    # Milliseconds without acknowledgement after which a connection fails; Linux would wait 15 minutes.
    "tcp_user_timeout": 4000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "options": "-c statement_timeout=4000 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=10000",
}
"""libpq connection parameters; every wait is shorter than `transactions.TRANSACTION_SECONDS`."""
# No ping before each use, because it costs a round trip. The first dead connection invalidates the pool.
_POOL = {"pool_size": 10, "max_overflow": 10, "pool_timeout": 2.0}
_REMEDY = "set READBACK_HOME, or the database's URL, to a folder that can be written to"
SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",
    "busy_timeout=5000",
)
"""Set on every connection to a SQLite file. They make commits durable and overwrite deleted data."""


def open_engine(url: str) -> AsyncEngine:
    """Return an engine for an async SQLAlchemy URL (`sqlite+aiosqlite:///…`); the caller must dispose of it.

    Creates the folder of a SQLite file if it is missing.

    Raises:
        ConfigurationError: the folder can't be created or written to.
    """
    parsed = make_url(url)
    # Errors are logged, so their texts must not contain parameter values.
    if parsed.get_backend_name() != "sqlite":
        return create_async_engine(parsed, hide_parameters=True, connect_args=dict(POSTGRES), **_POOL)
    if parsed.database and parsed.database != ":memory:":
        _create_folder(Path(parsed.database).parent)
    engine = create_async_engine(parsed, connect_args={"timeout": 5}, hide_parameters=True)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def require_async_url(url: str) -> str:
    """Return the URL of a database if it is empty or has an async dialect. For validators of settings.

    Raises:
        ValueError: it has not; the text says which URLs can be used.
    """
    try:
        usable = not url or _is_async(make_url(url))
    except (ArgumentError, ImportError):
        usable = False
    if not usable:
        raise ValueError(
            "must be an async SQLAlchemy URL, for example postgresql+psycopg://readback@db/readback or "
            "sqlite+aiosqlite:////srv/readback.db"
        )
    return url


def _is_async(url: URL) -> bool:
    # psycopg has a sync and an async dialect of the same name.
    return url.get_dialect().get_async_dialect_cls(url).is_async


def _create_folder(folder: Path) -> None:
    try:
        # Owner only: the files hold password hashes and transcripts.
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigurationError(
            f"The database's folder {folder} can't be created: {error.strerror}; {_REMEDY}."
        ) from None
    if not os.access(folder, os.W_OK):
        raise ConfigurationError(f"The database's folder {folder} can't be written to; {_REMEDY}.")


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # only `_begin_sqlite` begins transactions
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # After a plain BEGIN, one of two transactions that read and then write would fail with SQLITE_BUSY.
    immediate = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
