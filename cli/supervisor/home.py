"""The home of one installation: held by one supervisor at a time, its secrets as old as its databases."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.errors import UsageError


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Keeps a second supervisor out of the home; the system lets go of the lock even when this process is killed.

    Raises:
        UsageError: another one runs there.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / "up.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"Readback is already running on {home} (process {holder(home)}); end it first, or set READBACK_HOME to another folder."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def holder(home: Path) -> str:
    """The process that last took the home; empty when nobody ever did."""
    try:
        return (home / "up.lock").read_text()
    except FileNotFoundError:
        return ""


def is_held(home: Path) -> bool:
    """Whether a supervisor runs there."""
    try:
        with (home / "up.lock").open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def databases(home: Path) -> list[Path]:
    """Every database file, with what SQLite keeps beside it."""
    return sorted(path for pattern in ("*.sqlite3*", "*.db", "*.db-*") for path in home.glob(pattern))


def require_secrets_of_databases(home: Path) -> None:
    """Databases are sealed with the secrets beside them; new secrets would lock everybody out without a word.

    Raises:
        UsageError: there are databases and no secrets.
    """
    secrets = home / "secrets"
    if databases(home) and not (secrets.is_dir() and any(secrets.iterdir())):
        raise UsageError(
            f"{home} has databases but its secrets are gone: put {secrets} back, or delete the databases with `readback reset`."
        )
