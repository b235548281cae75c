"""Outages of databases, which become `StoreUnavailable`; a wrong statement is a bug and stays what it is."""

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
"""Primary result codes about the file or the disk."""
_POSTGRES = ("08", "40", "53", "57", "58", "25006", "55P03")
"""Prefixes of SQLSTATEs (PostgreSQL, Appendix A): connection, rollback because of another transaction,
resources, operator, system; a read-only transaction, which a server that is no longer the primary reports;
lock timeout."""


@contextmanager
def translate_outages() -> Iterator[None]:
    """Raise `StoreUnavailable` in place of a driver's error about an outage.

    A commit that failed so may have happened, so a repeated transaction must recognise its own effects.
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
    # By name, so that processes without PostgreSQL need not import psycopg.
    if type(error).__module__.partition(".")[0] == "psycopg":
        if state := getattr(error, "sqlstate", None):
            return bool(state.startswith(_POSTGRES))
        return any(kind.__name__ == "OperationalError" for kind in type(error).__mro__)
    return isinstance(error, PoolTimeout | ConnectionError)
