"""A real PostgreSQL server on a free port, from the system's packages."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from mesh.ids import uuid7
from tests.product import free_ports

ACCOUNT = "postgres"
"""Whom the server runs as when the tests run as root, which it refuses to be."""


def _programs() -> Path:
    """Where `initdb` and `pg_ctl` are: Debian keeps them off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("pg_ctl")
    if not found and not on_path:
        raise FileNotFoundError(
            "PostgreSQL is not installed (Debian, Ubuntu: sudo apt-get install postgresql)"
        )
    return found[-1].parent if found else Path(str(on_path)).parent


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server, and how to hurt it."""

    folder: Path
    port: int

    def url(self, database: str = "postgres") -> str:
        """Async SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://readback@127.0.0.1:{self.port}/{database}"

    def conninfo(self, database: str = "postgres") -> str:
        """libpq's connection string of a database."""
        return f"postgresql://readback@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Makes an empty database; gives its async SQLAlchemy URL."""
        name = f"t{uuid7().replace('-', '')}"
        with psycopg.connect(self.conninfo(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def stop(self, mode: str = "fast") -> None:
        """Stops it: `immediate` is what a crash of all its processes looks like."""
        self._control("stop", "-m", mode, "-w")

    def start(self) -> None:
        """Starts it (again) and waits until it answers."""
        deadline = time.monotonic() + 30
        self._control("start", "-w", "-l", str(self.folder / "log"))
        while True:
            try:
                psycopg.connect(self.conninfo(), connect_timeout=2).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def _control(self, *arguments: str) -> None:
        _run(_programs() / "pg_ctl", "-D", self.folder / "data", *arguments)


def _run(*command: str | Path) -> None:
    prefix = (
        ["setpriv", f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--clear-groups", "--"]
        if os.geteuid() == 0
        else []
    )
    done = subprocess.run(
        [*prefix, *map(str, command)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed:\n{done.stdout}")


@contextlib.contextmanager
def postgres_server(settings: Mapping[str, str] | None = None) -> Iterator[PostgresServer]:
    """Runs a server of its own with durable defaults (fsync and synchronous_commit on); `settings` go into its postgresql.conf."""
    (port,) = free_ports(1)
    # Not below pytest's folders: the server's account can't pass through those.
    folder = Path(tempfile.mkdtemp(prefix="readback-postgres-"))
    server = PostgresServer(folder, port)
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, ACCOUNT, ACCOUNT)
        _run(
            _programs() / "initdb",
            "-D",
            folder / "data",
            "-U",
            "readback",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
        )
        wanted = {
            "port": str(port),
            "listen_addresses": "'127.0.0.1'",
            "unix_socket_directories": "''",
            "max_connections": "200",
        }
        with (folder / "data" / "postgresql.conf").open("a") as configuration:
            configuration.writelines(
                f"{name} = {value}\n" for name, value in (wanted | dict(settings or {})).items()
            )
        server.start()
        yield server
    finally:
        with contextlib.suppress(RuntimeError):
            server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)
