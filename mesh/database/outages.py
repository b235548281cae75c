"""Conversion of errors about a database outage to `StoreUnavailable`. Other errors stay unchanged."""

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
"""SQLite's primary result codes for problems with the file, its locks, or the disk."""
_POSTGRES = ("08", "40", "53", "57", "58", "25006", "55P03")
"""Prefixes of the SQLSTATEs of outages (PostgreSQL, Appendix A). In this order: connection failure, rollback
because of another transaction, insufficient resources, operator intervention, system error, read-only
transaction (the server is no longer the primary), lock timeout."""


@contextmanager
def translate_outages() -> Iterator[None]:
    """Raise `StoreUnavailable` in place of a driver's error about an outage.

    A commit that raises it may still have succeeded, so it must be safe to repeat the transaction.
    """
    try:
        yield
    except Exception as error:
        if not is_outage(error):
            raise
        raise StoreUnavailable from error


def is_outage(error: BaseException) -> bool:
    """Return whether an error of SQLAlchemy, psycopg or sqlite3 says that the database can't be reached."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or (error.orig is not None and is_outage(error.orig))
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _SQLITE
    # Compared by name, so that processes without PostgreSQL need not import psycopg.
    if type(error).__module__.partition(".")[0] == "psycopg":
        if state := getattr(error, "sqlstate", None):
            return bool(state.startswith(_POSTGRES))
        return any(kind.__name__ == "OperationalError" for kind in type(error).__mro__)
    return isinstance(error, PoolTimeout | ConnectionError)
