"""A real PostgreSQL server on a free port, from the system's packages."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from cli.supervisor import child_processes
from mesh.ids import uuid7
from tests.product import free_ports, wait_until_ready

ACCOUNT = "postgres"
"""Account of the server if the tests run as root, which PostgreSQL refuses."""


def _programs() -> Path:
    """Return the folder of `initdb` and `pg_ctl`, which Debian doesn't put on PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("pg_ctl")
    if not found and not on_path:
        raise FileNotFoundError(
            "PostgreSQL is not installed (Debian, Ubuntu: sudo apt-get install postgresql)"
        )
    return found[-1].parent if found else Path(str(on_path)).parent


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A PostgreSQL server, which tests can stop and restart."""

    folder: Path
    port: int

    @property
    def pid(self) -> int:
        """Process id of the server's parent process, which leads a process group."""
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    def url(self, database: str = "postgres") -> str:
        """Return the async SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://readback@127.0.0.1:{self.port}/{database}"

    def conninfo(self, database: str = "postgres") -> str:
        """Return the libpq connection string of a database."""
        return f"postgresql://readback@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Create an empty database and return its async SQLAlchemy URL."""
        name = f"t{uuid7().replace('-', '')}"
        with psycopg.connect(self.conninfo(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def stop(self, mode: str = "fast") -> None:
        """Stop the server; `immediate` looks like a crash of all its processes."""
        pid = self.pid
        self._control("stop", "-m", mode, "-w")
        child_processes.forget(pid)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._control("start", "-w", "-l", str(self.folder / "log"))
        child_processes.watch(self.pid)
        wait_until_ready(self._connect, psycopg.OperationalError, seconds=30)

    def _connect(self) -> None:
        psycopg.connect(self.conninfo(), connect_timeout=2).close()

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
    """Run a server with durable commits and these additional settings of postgresql.conf."""
    (port,) = free_ports(1)
    # Not in pytest's folders, which the server's account can't read.
    folder = Path(tempfile.mkdtemp(prefix="readback-postgres-"))
    server = PostgresServer(folder, port)
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, ACCOUNT, ACCOUNT)
        options = ("--username=readback", "--auth=trust", "--encoding=UTF8", "--locale=C")
        _run(_programs() / "initdb", "-D", folder / "data", *options)
        defaults = {
            "port": str(port),
            "listen_addresses": "'127.0.0.1'",
            "unix_socket_directories": "''",
            "max_connections": "200",
        }
        with (folder / "data" / "postgresql.conf").open("a") as configuration:
            configuration.writelines(
                f"{name} = {value}\n" for name, value in (defaults | dict(settings or {})).items()
            )
        server.start()
        yield server
    finally:
        with contextlib.suppress(RuntimeError, FileNotFoundError):
            server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)
