"""The whole product as processes, started by `readback up` with its own home and ports."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import psutil
import pytest

from cli.supervisor.child_processes import child_process, end
from tests.recording_proxy import recording_proxy

READBACK = (sys.executable, "-m", "cli")
START_SECONDS = 240
SETTINGS = ("READBACK_", "LIVEKIT_", "AVIATIONSTACK_", "FLIGHTAPI_")
"""Prefixes of the names of settings."""
TCP_PORTS = (
    "READBACK_IDENTITY_PORT",
    "READBACK_CONVERSATION_PORT",
    "READBACK_FLIGHTDATA_PORT",
    "READBACK_BOOKING_PORT",
    "READBACK_IDENTITY_HTTP_PORT",
    "READBACK_CONVERSATION_HTTP_PORT",
    "READBACK_FLIGHTDATA_HTTP_PORT",
    "READBACK_BOOKING_HTTP_PORT",
    "READBACK_AGENT_HTTP_PORT",
    "READBACK_UI_HTTP_PORT",
    "READBACK_GATEWAY_HTTP_PORT",
    "READBACK_GATEWAY_PORT",
    "READBACK_MCP_PORT",
    "READBACK_UI_PORT",
    "READBACK_LIVEKIT_PORT",
    "READBACK_LIVEKIT_TCP_PORT",
    "READBACK_LIVEKIT_UDP_PORT",
)


_PORT_CLAIMS = Path(tempfile.gettempdir()) / f"readback-test-ports-{os.getuid()}.lock"
_claimed: set[int] = set()


def free_ports(count: int) -> list[int]:
    """Return free ports that no other test process on this machine will be given until this one ends.

    They are below the range of outgoing connections, which could take one before its use.
    """
    found: set[int] = set()
    while len(found) < count:
        port = random.SystemRandom().randrange(15_000, 32_000)
        if port not in _claimed and _claim(port) and _is_free(port):
            found.add(port)
    return sorted(found)


@functools.cache
def _claims_file() -> BinaryIO:
    """Return the open file whose byte N, while locked, says that port N is taken."""
    return _PORT_CLAIMS.open("ab")


def _claim(port: int) -> bool:
    """Lock the port's byte until this process ends, or return False if another process holds it."""
    try:
        fcntl.lockf(_claims_file(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _claimed.add(port)
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        try:
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_until_ready(probe: Callable[[], object], not_ready: type[Exception], seconds: float = 20) -> None:
    """Call `probe` until it doesn't raise `not_ready`; after `seconds`, let it raise."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            probe()
        except not_ready:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def environment_for(home: Path, **settings: str) -> dict[str, str]:
    """Return an environment with its own home and ports, without settings from the calling shell."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    ports = dict(zip(TCP_PORTS, map(str, free_ports(len(TCP_PORTS))), strict=True))
    own = {
        "READBACK_HOME": str(home),
        "READBACK_IDENTITY_BCRYPT_COST": "4",
        "READBACK_IDENTITY_REGISTRATIONS_PER_HOUR": "100000",
        "XDG_CONFIG_HOME": str(home / "config"),
    }
    return inherited | ports | own | settings


@dataclass
class Product:
    """A running `readback up`."""

    process: subprocess.Popen[str]
    environment: Mapping[str, str]
    lines: list[str] = field(default_factory=list)
    """The output so far."""
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def home(self) -> Path:
        """The product's `READBACK_HOME`."""
        return Path(self.environment["READBACK_HOME"])

    @property
    def web_app_url(self) -> str:
        """URL of the web app."""
        return f"http://127.0.0.1:{self.environment['READBACK_UI_PORT']}"

    @property
    def livekit_url(self) -> str:
        """URL of the LiveKit server."""
        return f"ws://127.0.0.1:{self.environment['READBACK_LIVEKIT_PORT']}"

    def address(self, service: str) -> str:
        """Return the gRPC address of `identity`, `conversation`, `flightdata` or `booking`."""
        return f"127.0.0.1:{self.environment[f'READBACK_{service.upper()}_PORT']}"

    def health_url(self, part: str) -> str:
        """Return the health URL of `identity`, `conversation`, `flightdata`, `agent` or `ui`."""
        return f"http://127.0.0.1:{self.environment[f'READBACK_{part.upper()}_HTTP_PORT']}/health"

    def readback(
        self,
        *arguments: str,
        input: str | None = None,  # noqa: A002  # the name in `subprocess`
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        """Run another `readback` command with the product's environment."""
        return subprocess.run(
            [*READBACK, *arguments],
            env=self.environment,
            input=input or "",
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def wait_for(self, text: str, timeout: float = START_SECONDS, after: int = 0) -> str:
        """Return the first line of output that contains `text`, starting at line `after`.

        Raises:
            AssertionError: no such line came; the text has the whole output.
        """
        deadline = time.monotonic() + timeout
        with self.changed:
            while True:
                found = next((line for line in self.lines[after:] if text in line), None)
                if found is not None:
                    return found
                remaining = deadline - time.monotonic()
                ended = self.process.poll() is not None and not self._reading()
                if remaining <= 0 or ended:
                    raise AssertionError(f"{text!r} never came; the output was:\n" + "\n".join(self.lines))
                self.changed.wait(min(remaining, 0.2))

    def _reading(self) -> bool:
        return any(thread.name == f"output-{self.process.pid}" for thread in threading.enumerate())

    def read(self) -> None:
        """Collect the output; runs in a thread."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()

    def processes(self) -> list[psutil.Process]:
        """Return the supervisor and its descendants."""
        supervisor = psutil.Process(self.process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def process_of(self, part: str) -> psutil.Process:
        """Return the main process of a part, found by its command line."""
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
    """Run `readback up` without waiting until it is ready; stop or kill it when the block ends."""
    command = child_process(
        [*READBACK, "up"],
        env={**environment, "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with command as process:
        running = Product(process, environment)
        reader = threading.Thread(target=running.read, name=f"output-{process.pid}", daemon=True)
        reader.start()
        try:
            yield running
        finally:
            end(process)
            reader.join(10)


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The running product, shared by all tests. Sign up your own accounts, and never stop it.

    It runs as in a company with a web proxy, through which no part may reach another.
    """
    with recording_proxy() as proxy:
        environment = environment_for(tmp_path_factory.mktemp("home"), **proxy.variables)
        with started(environment) as running:
            running.wait_for("Ctrl-C ends everything")
            yield running
    assert proxy.requests == []
