"""Outages of databases are distinguished from wrong statements."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mesh.database.outages import is_outage, translate_outages
from mesh.errors import StoreUnavailable

pytestmark = pytest.mark.unit


def sqlite_error(statement: str, path: Path) -> sqlite3.Error:
    with pytest.raises(sqlite3.Error) as caught, sqlite3.connect(path, timeout=0) as connection:
        connection.execute(statement)
    connection.close()
    return caught.value


def test_locked_file_is_an_outage_and_a_wrong_statement_is_not(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite3"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TABLE t (x)")
    other.execute("BEGIN EXCLUSIVE")
    assert is_outage(sqlite_error("INSERT INTO t VALUES (1)", path))
    other.execute("ROLLBACK")
    other.close()
    assert not is_outage(sqlite_error("SELECT * FROM nowhere", path))


def test_a_file_that_cannot_be_opened_is_an_outage(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError) as caught:
        sqlite3.connect(tmp_path / "no folder" / "log.sqlite3")
    assert is_outage(caught.value)


@pytest.mark.parametrize(
    ("error", "outage"),
    [
        (psycopg.OperationalError("connection refused"), True),
        (psycopg.errors.AdminShutdown(), True),
        (psycopg.errors.CannotConnectNow(), True),
        (psycopg.errors.QueryCanceled(), True),
        (psycopg.errors.DeadlockDetected(), True),
        (psycopg.errors.TooManyConnections(), True),
        (psycopg.errors.DiskFull(), True),
        (psycopg.errors.ReadOnlySqlTransaction(), True),
        (psycopg.errors.LockNotAvailable(), True),
        (psycopg.errors.UniqueViolation(), False),
        (psycopg.errors.UndefinedTable(), False),
        (psycopg.errors.SyntaxError(), False),
        (psycopg.ProgrammingError("the cursor is closed"), False),
        (PoolTimeout(), True),
        (ConnectionResetError(), True),
        (ValueError(), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_outages_are_distinguished_from_other_errors(error: Exception, outage: bool) -> None:
    assert is_outage(error) is outage


def test_error_inside_sqlalchemy_s_own_is_the_one_that_counts() -> None:
    assert is_outage(OperationalError("SELECT 1", None, psycopg.OperationalError("gone")))
    assert not is_outage(OperationalError("SELECT 1", None, sqlite3.OperationalError("no such table")))


def test_an_outage_becomes_store_unavailable_with_retry_after() -> None:
    with pytest.raises(StoreUnavailable) as caught, translate_outages():
        raise psycopg.OperationalError("the password is hunter2")
    assert "hunter2" not in str(caught.value)
    assert caught.value.retry_after is not None


def test_other_errors_are_unchanged() -> None:
    with pytest.raises(ZeroDivisionError), translate_outages():
        raise ZeroDivisionError
