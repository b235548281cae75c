"""Handles for the processes of the fork server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

import psutil

from cli.supervisor import child_processes
from mesh.settings import CHECKOUT

WITHIN_SECONDS = 60.0


@dataclass
class Process:
    """Child process."""

    pid: int
    exited: threading.Event = field(default_factory=threading.Event)
    status: int | None = None
    """Exit code, or the negated number of the signal that ended it."""

    @property
    def alive(self) -> bool:
        """True while it runs."""
        return not self.exited.is_set()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def ended(self) -> None:
        """Wait until it has ended."""
        assert await asyncio.to_thread(self.exited.wait, WITHIN_SECONDS), f"process {self.pid} does not end"

    def resident(self) -> int:
        """Return the bytes of its private memory, without what it shares with the fork server."""
        return int(psutil.Process(self.pid).memory_full_info().uss)

    def descriptors(self) -> int:
        """Return the number of its open file descriptors."""
        return psutil.Process(self.pid).num_fds()


class ForkServer:
    """Client of the fork server."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.chaos.fork_server"]
        self._process = child_processes.start(
            command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._children: dict[int, Process] = {}
        self._started: SimpleQueue[Process] = SimpleQueue()
        self._ready = threading.Event()
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start(
        self, call: str, environment: Mapping[str, str], log: Path, *, tasks: Path | None = None
    ) -> Process:
        """Start `module:function`. On SIGUSR1 it writes the number of its tasks to the file `tasks`."""
        assert self._ready.wait(WITHIN_SECONDS), "the fork server does not start"
        request = {"call": call, "environment": dict(environment), "log": str(log)} | (
            {"tasks": str(tasks)} if tasks else {}
        )
        assert self._process.stdin is not None
        with self._lock:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return self._started.get(timeout=WITHIN_SECONDS)

    def close(self) -> None:
        """End the server and its children."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        child_processes.kill(self._process)
        self._reader.join(10)
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            match json.loads(line):
                case {"ready": _}:
                    self._ready.set()
                case {"started": pid}:
                    self._children[pid] = Process(pid)
                    self._started.put(self._children[pid])
                case {"ended": pid, "status": status}:
                    child = self._children.pop(pid)
                    child.status = status
                    child.exited.set()


@contextlib.contextmanager
def fork_server() -> Iterator[ForkServer]:
    """Run a fork server until the block ends."""
    made = ForkServer()
    try:
        yield made
    finally:
        made.close()
