"""The home folder of an installation: its lock, its databases, and the secrets of the databases."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.errors import UsageError

MIN_FREE_BYTES = 32_000_000
"""Free space that a home must have at the start, for databases and logs."""


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Lock the home against a second supervisor. If this process is killed, the system releases the lock.

    Raises:
        UsageError: another supervisor runs on this home, or its disk is full.
        OSError: the home can't be used.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    _require_space(home)
    with (home / "up.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"Readback is already running on {home} (process {lock_holder(home)}); "
                "end it first, or set READBACK_HOME to another folder."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _require_space(home: Path) -> None:
    free = shutil.disk_usage(home).free
    if free < MIN_FREE_BYTES:
        raise UsageError(
            f"The disk of {home} is full ({free // 1_000_000} of {MIN_FREE_BYTES // 1_000_000} MB free); "
            "free some space, or set READBACK_HOME to a folder on another disk."
        )


def lock_holder(home: Path) -> str:
    """Return the id of the process that last locked the home; empty if the home was never locked."""
    try:
        return (home / "up.lock").read_text()
    except FileNotFoundError:
        return ""


def is_locked(home: Path) -> bool:
    """Return whether a supervisor runs on this home."""
    try:
        with (home / "up.lock").open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def databases(home: Path) -> list[Path]:
    """Return all database files, including the files that SQLite keeps for each database."""
    return sorted(path for pattern in ("*.sqlite3*", "*.db", "*.db-*") for path in home.glob(pattern))


def require_secrets_of_databases(home: Path) -> None:
    """Check that the databases still have their secrets. With new secrets, no customer could sign in.

    Raises:
        UsageError: there are databases, but no secrets.
    """
    secrets = home / "secrets"
    if databases(home) and not (secrets.is_dir() and any(secrets.iterdir())):
        raise UsageError(
            f"{home} has databases but its secrets are gone; "
            f"put {secrets} back, or delete the databases with `readback reset`."
        )
