"""The whole product as processes, on free ports with a home of its own, through the supervisor that people use."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

READBACK = (sys.executable, "-m", "cli")
START_SECONDS = 240
SETTINGS = ("READBACK_", "LIVEKIT_", "AVIATIONSTACK_", "FLIGHTAPI_")
"""How the names of settings begin."""
TCP_PORTS = (
    "READBACK_IDENTITY_PORT",
    "READBACK_CONVERSATION_PORT",
    "READBACK_FLIGHTDATA_PORT",
    "READBACK_IDENTITY_HTTP_PORT",
    "READBACK_CONVERSATION_HTTP_PORT",
    "READBACK_FLIGHTDATA_HTTP_PORT",
    "READBACK_AGENT_HTTP_PORT",
    "READBACK_UI_HTTP_PORT",
    "READBACK_GATEWAY_HTTP_PORT",
    "READBACK_MCP_PORT",
    "READBACK_UI_PORT",
    "READBACK_LIVEKIT_PORT",
    "READBACK_LIVEKIT_TCP_PORT",
    "READBACK_LIVEKIT_UDP_PORT",
)


def free_ports(count: int) -> list[int]:
    """Ports below the range that outgoing connections are given, so that none is taken between here and its use."""
    found: set[int] = set()
    while len(found) < count:
        port = random.SystemRandom().randrange(15_000, 32_000)
        with (
            socket.socket() as tcp,
            socket.socket(type=socket.SOCK_DGRAM) as udp,
            contextlib.suppress(OSError),
        ):
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
            found.add(port)
    return sorted(found)


def environment_for(home: Path, **settings: str) -> dict[str, str]:
    """An environment with its own home and ports, without the settings of whoever runs the tests."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    ports = dict(zip(TCP_PORTS, map(str, free_ports(len(TCP_PORTS))), strict=True))
    return inherited | ports | {"READBACK_HOME": str(home), "READBACK_IDENTITY_BCRYPT_COST": "4"} | settings


@dataclass
class Product:
    """A running `readback up`."""

    process: subprocess.Popen[str]
    environment: Mapping[str, str]
    lines: list[str] = field(default_factory=list)
    """What it has written so far."""
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def home(self) -> Path:
        """Its `READBACK_HOME`."""
        return Path(self.environment["READBACK_HOME"])

    @property
    def page_url(self) -> str:
        """Address of the page."""
        return f"http://127.0.0.1:{self.environment['READBACK_UI_PORT']}"

    @property
    def livekit_url(self) -> str:
        """Address of the LiveKit server."""
        return f"ws://127.0.0.1:{self.environment['READBACK_LIVEKIT_PORT']}"

    def address(self, service: str) -> str:
        """gRPC address of `identity`, `conversation` or `flightdata`."""
        return f"127.0.0.1:{self.environment[f'READBACK_{service.upper()}_PORT']}"

    def health_url(self, part: str) -> str:
        """Where a part (`identity`, `conversation`, `flightdata`, `agent` or `ui`) tells that it is ready."""
        return f"http://127.0.0.1:{self.environment[f'READBACK_{part.upper()}_HTTP_PORT']}/health"

    def readback(
        self,
        *arguments: str,
        input: str | None = None,  # noqa: A002  # as subprocess names it
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]:  # as subprocess names it
        """Runs another `readback` command against it."""
        command = [*READBACK, *arguments]
        return subprocess.run(
            command,
            env=self.environment,
            input=input or "",
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def wait_for(self, text: str, timeout: float = START_SECONDS, after: int = 0) -> str:
        """The first line, from line `after` on, that holds `text`; an AssertionError with everything written when it doesn't come."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while True:
                found = next((line for line in self.lines[after:] if text in line), None)
                if found is not None:
                    return found
                left = deadline - time.monotonic()
                ended = self.process.poll() is not None and not self._reading()
                if left <= 0 or ended:
                    raise AssertionError(f"{text!r} never came; it wrote:\n" + "\n".join(self.lines))
                self.changed.wait(min(left, 0.2))

    def _reading(self) -> bool:
        return any(thread.name == f"output-{self.process.pid}" for thread in threading.enumerate())

    def read(self) -> None:
        """Collects its output; runs in a thread."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()

    def processes(self) -> list[psutil.Process]:
        """The supervisor and everything it started."""
        supervisor = psutil.Process(self.process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def process_of(self, part: str) -> psutil.Process:
        """The main process of a part, by what it was started as."""
        words = {"page": ("cli", "ui"), "agent": ("cli", "agent"), "livekit": ("--config",)}.get(
            part, ("cli", "serve", part)
        )
        for process in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if set(words) <= set(process.cmdline()):
                    return process
        raise AssertionError(f"{part} is not running")


@contextlib.contextmanager
def started(environment: Mapping[str, str]) -> Iterator[Product]:
    """`readback up` in that environment, without waiting until it is ready. Ended, by force if need be, on leaving."""
    process = subprocess.Popen(
        [*READBACK, "up"],
        env={**environment, "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    running = Product(process, environment)
    reader = threading.Thread(target=running.read, name=f"output-{process.pid}", daemon=True)
    reader.start()
    try:
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(10)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The product, ready, shared by a session's tests: leave it running, and sign up accounts of your own."""
    with started(environment_for(tmp_path_factory.mktemp("home"))) as running:
        running.wait_for("Ctrl-C ends everything")
        yield running
