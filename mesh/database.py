"""Databases: an engine with safe defaults, transactions that say whether they write, and migrations.

SQLite is opened for durability (WAL, synchronous=FULL: a commit is on disk when it returns), so that what is deleted is overwritten, and
with real transactions: the driver's own implicit ones begin late and can't be upgraded safely.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from mesh.outages import outages_named
from mesh.settings import ConfigurationError

if TYPE_CHECKING:
    from alembic.config import Config

_WRITES = "readback_writes"
_MIGRATING = 0x319A7E
"""Key of PostgreSQL's advisory lock under which one process migrates a database."""
TRANSACTION_SECONDS = 5.0
"""How long a transaction may take; less than the deadline of a call (`mesh.channel.UNARY_TIMEOUT_SECONDS`)."""
POSTGRES: Mapping[str, Any] = {
    "connect_timeout": 2,
    # An answer that does not come because nobody is there any more; the operating system's own patience is a quarter of an hour.
    "tcp_user_timeout": 4000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "options": "-c statement_timeout=4000 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=10000",
}
"""Connection parameters (libpq's) under which no wait is longer than a transaction may take."""
# No ping before each use, which would be a round trip: a connection that turns out dead takes all the others of its pool with it.
_POOL = {"pool_size": 10, "max_overflow": 10, "pool_timeout": 2.0}


SQLITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",
    "busy_timeout=5000",
)
"""What every connection to a SQLite file sets, whoever opens it: durable, and what is deleted is gone."""


def open_engine(url: str) -> AsyncEngine:
    """An engine for an async SQLAlchemy URL (`sqlite+aiosqlite:///…`). Makes the folder of a SQLite file; dispose of it when done.

    Raises:
        ConfigurationError: the folder can't be made or written to.
    """
    parsed = make_url(url)
    # An error's text must not carry what was written: it goes into logs.
    if parsed.get_backend_name() != "sqlite":
        return create_async_engine(parsed, hide_parameters=True, connect_args=dict(POSTGRES), **_POOL)
    if parsed.database and parsed.database != ":memory:":
        _make_folder(Path(parsed.database).parent)
    engine = create_async_engine(parsed, connect_args={"timeout": 5}, hide_parameters=True)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(
            parents=True, exist_ok=True, mode=0o700
        )  # password hashes and transcripts are nobody else's business
    except OSError as error:
        raise ConfigurationError(f"The database's folder {folder} can't be made: {error.strerror}.") from None
    if not os.access(folder, os.W_OK):
        raise ConfigurationError(f"The database's folder {folder} can't be written to.")


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says so, and nowhere else
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later would fail with SQLITE_BUSY where two of them meet.
    immediate = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


_ONE_STATE: dict[str, dict[str, object]] = {
    # Else each statement would see what was committed before it, and what was read first could be out of date by what was read last.
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
    "sqlite": {},
}


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A transaction that writes: committed when the block ends, rolled back when it raises.

    Raises:
        StoreUnavailable: the database is away. When that shows while committing, the transaction may have happened.
    """
    async with _transaction(engine, writes=True) as connection:
        yield connection


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A transaction that only reads, from one consistent state.

    Raises:
        StoreUnavailable: the database is away.
    """
    async with _transaction(engine, writes=False) as connection:
        yield connection


@asynccontextmanager
async def _transaction(engine: AsyncEngine, *, writes: bool) -> AsyncIterator[AsyncConnection]:
    with outages_named():
        async with engine.connect() as connection:
            await connection.execution_options(
                **{_WRITES: writes}, **({} if writes else _ONE_STATE[engine.dialect.name])
            )
            with await _limited(connection):
                async with connection.begin():
                    yield connection


@asynccontextmanager
async def asking(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection for statements that each only read, and need not see the same state.

    Raises:
        StoreUnavailable: the database is away.
    """
    if engine.dialect.name == "sqlite":  # a transaction costs it nothing
        async with reading(engine) as connection:
            yield connection
        return
    with outages_named():
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            with await _limited(connection):
                yield connection


async def _limited(connection: AsyncConnection) -> AbstractContextManager[None]:
    """Hangs up on a server that has fallen silent: a driver waits for as long as the connection stands."""
    if connection.dialect.name == "sqlite":
        return nullcontext()
    driver = (await connection.get_raw_connection()).driver_connection
    return hung_up_on_in_time(lambda: driver)


@contextmanager
def hung_up_on_in_time(driver: Callable[[], Any]) -> Iterator[None]:
    """Ends psycopg's connection (None: there is none) when the block takes longer than a transaction may.

    Whoever uses the connection, be it in another thread, then gets the error of a connection that was lost.
    """
    # Cancelling would not do: psycopg then asks the server, which is silent, to cancel the statement.
    timer = asyncio.get_running_loop().call_later(TRANSACTION_SECONDS, _hang_up, driver)
    try:
        yield
    finally:
        timer.cancel()


def _hang_up(driver: Callable[[], Any]) -> None:
    connection = driver()
    if connection is not None and not connection.closed:
        with socket.socket(fileno=os.dup(connection.fileno())) as duplicate:
            duplicate.shutdown(socket.SHUT_RDWR)


async def migrate(url: str, migrations: Path) -> None:
    """Brings a database to the newest schema. `migrations` is an Alembic script folder whose `env.py` calls `run_migrations`."""
    # Alembic takes half a second to import, and only this needs it.
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations))
    engine = open_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _without_foreign_keys)
    try:
        async with writing(engine) as connection:
            if connection.dialect.name == "postgresql":  # replicas that start together come one after another
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATING})
            await connection.run_sync(_upgrade, config)
    finally:
        await engine.dispose()


def _without_foreign_keys(connection: Any, _record: Any) -> None:
    # SQLite changes a table by making another and dropping it: what refers to its rows must not go with them. Checked at the end.
    connection.execute("PRAGMA foreign_keys=OFF").close()


def _upgrade(connection: Connection, config: Config) -> None:
    from alembic import command

    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    if (
        connection.dialect.name == "sqlite"
        and (lost := connection.exec_driver_sql("PRAGMA foreign_key_check").first()) is not None
    ):
        raise RuntimeError(f"after the migrations a row of {lost[0]} refers to nothing")


def run_migrations() -> None:
    """What an `env.py` does: runs the migrations in the transaction that `migrate` opened."""
    from alembic import context

    context.configure(
        connection=context.config.attributes["connection"], render_as_batch=True, transactional_ddl=True
    )
    context.run_migrations()


async def migrated(url: str, migrations: Path) -> AsyncEngine:
    """An engine for a database brought to the newest schema."""
    await migrate(url, migrations)
    return open_engine(url)
