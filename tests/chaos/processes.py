"""Processes born of the nursery, as tests hold them."""

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

from mesh.settings import CHECKOUT

WITHIN_SECONDS = 60.0


@dataclass
class Process:
    """One child."""

    pid: int
    gone: threading.Event = field(default_factory=threading.Event)
    status: int | None = None
    """Its exit code, or the signal that ended it, negated."""

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet."""
        return not self.gone.is_set()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal; nothing happens when it has gone."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def ended(self) -> None:
        """Waits until it is gone."""
        assert await asyncio.to_thread(self.gone.wait, WITHIN_SECONDS), f"process {self.pid} does not end"

    def resident(self) -> int:
        """Bytes of memory that it alone holds: what it shares with the nursery is not its own."""
        return int(psutil.Process(self.pid).memory_full_info().uss)

    def descriptors(self) -> int:
        """Open file descriptors."""
        return psutil.Process(self.pid).num_fds()


class Nursery:
    """The nursery's other end."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.chaos.nursery"]
        self._process = subprocess.Popen(
            command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._children: dict[int, Process] = {}
        self._started: SimpleQueue[Process] = SimpleQueue()
        self._ready = threading.Event()
        self._ordering = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start(
        self, call: str, environment: Mapping[str, str], log: Path, *, tasks: Path | None = None
    ) -> Process:
        """Starts `module:function`; `tasks` is where SIGUSR1 makes it write how many tasks it has."""
        assert self._ready.wait(WITHIN_SECONDS), "the nursery does not start"
        order = {"call": call, "environment": dict(environment), "log": str(log)} | (
            {"tasks": str(tasks)} if tasks else {}
        )
        assert self._process.stdin is not None
        with self._ordering:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return self._started.get(timeout=WITHIN_SECONDS)

    def close(self) -> None:
        """Ends it and its children."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
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
                    child.gone.set()


@contextlib.contextmanager
def nursery() -> Iterator[Nursery]:
    """A nursery until the block ends."""
    made = Nursery()
    try:
        yield made
    finally:
        made.close()
