"""Telling a database that is away from a statement that is wrong: the first is `StoreUnavailable`, the second a mistake of ours."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mesh.errors import StoreUnavailable

_SQLITE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)
"""Primary result codes that say something about the file or the disk and nothing about the statement."""
_POSTGRES = ("08", "40", "53", "57", "58", "25006", "55P03")
"""SQLSTATEs, by how they begin (PostgreSQL, Appendix A): connection, rollback for another's sake, resources, operator's doing, system;
a read-only transaction, which is what writing to a server that is no longer the primary says; a lock not had in time."""


@contextmanager
def translate_outages() -> Iterator[None]:
    """Raises `StoreUnavailable` in place of what a driver raises when its database is away, too slow, or shutting down.

    Where a commit was under way it may have happened: what is done in a transaction must be recognised when it is done again.
    """
    try:
        yield
    except Exception as error:
        if not is_outage(error):
            raise
        raise StoreUnavailable from error


def is_outage(error: BaseException) -> bool:
    """Whether an error of SQLAlchemy, psycopg or sqlite3 says that the database is away."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or (error.orig is not None and is_outage(error.orig))
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _SQLITE
    if (
        type(error).__module__.partition(".")[0] == "psycopg"
    ):  # by its name: nobody without PostgreSQL waits for its import
        state = getattr(error, "sqlstate", None)
        return (
            state.startswith(_POSTGRES)
            if state
            else any(kind.__name__ == "OperationalError" for kind in type(error).__mro__)
        )
    return isinstance(error, PoolTimeout | ConnectionError)
