"""A real Redis server on a free port, from the system's packages."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import redis

from cli.supervisor import child_processes
from tests.product import free_ports, wait_until_ready


@dataclass(slots=True)
class RedisServer:
    """A Redis server without persistence, which tests can kill and restart."""

    port: int
    process: child_processes.Process | None = None

    @property
    def url(self) -> str:
        """URL of the server."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start the server, empty, and wait until it answers."""
        program = shutil.which("redis-server")
        if program is None:
            raise FileNotFoundError(
                "Redis is not installed (Debian, Ubuntu: sudo apt-get install redis-server)"
            )
        options = f"--port {self.port} --bind 127.0.0.1 --appendonly no --save"
        command = [program, *options.split(), ""]
        self.process = child_processes.start(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        with redis.Redis(port=self.port) as client:
            wait_until_ready(client.ping, redis.ConnectionError)

    def kill(self) -> None:
        """End the server with SIGKILL."""
        if self.process is not None:
            child_processes.kill(self.process)
            self.process = None

    def flush(self) -> None:
        """Delete all keys."""
        with redis.Redis(port=self.port) as client:
            client.flushall()


@contextlib.contextmanager
def redis_server() -> Iterator[RedisServer]:
    """Run a Redis server."""
    (port,) = free_ports(1)
    server = RedisServer(port)
    try:
        server.start()
        yield server
    finally:
        server.kill()
