"""A real Redis server on a free port, from the system's packages."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

import redis

from tests.product import free_ports


@dataclass(slots=True)
class RedisServer:
    """A server that keeps nothing on disk, and how to hurt it."""

    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Starts it (again), empty, and waits until it answers."""
        program = shutil.which("redis-server")
        if program is None:
            raise FileNotFoundError(
                "Redis is not installed (Debian, Ubuntu: sudo apt-get install redis-server)"
            )
        command = [
            program,
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        with redis.Redis(port=self.port) as client:
            while True:
                try:
                    client.ping()
                except redis.ConnectionError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.02)
                else:
                    return

    def kill(self) -> None:
        """Ends it with SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def flush(self) -> None:
        """Deletes everything in it."""
        with redis.Redis(port=self.port) as client:
            client.flushall()


@contextlib.contextmanager
def redis_server() -> Iterator[RedisServer]:
    """Runs a server of its own."""
    (port,) = free_ports(1)
    server = RedisServer(port)
    try:
        server.start()
        yield server
    finally:
        server.kill()
