"""Servers in their own processes, pinned to CPU cores. Each ends at the end of its `async with` block.

The servers share one core, the clients have another. PostgreSQL and Redis run on the servers' core, so that
it carries the whole cost of a measured side. Servers that are not measured (identity, the room server) run on
the clients' core.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from cli.supervisor import child_processes

_CORES = sorted(os.sched_getaffinity(0))
SERVING, ASKING = _CORES[0], _CORES[min(1, len(_CORES) - 1)]
START_SECONDS = 60.0
END_SECONDS = 15.0


class DidNotStart(Exception):
    """A server ended or didn't listen in time. The text is the end of its output."""


@asynccontextmanager
async def process(
    *arguments: str, environment: Mapping[str, str], port: int, log: Path, core: int, nice: int = 0
) -> AsyncIterator[int]:
    """Run `python …arguments`, wait until it listens on its port, and yield its process ID.

    `nice` is its niceness; 19 is the lowest priority.

    Raises:
        DidNotStart: the process ended, or did not listen within a minute.
    """
    running = _start(arguments, environment, log, core, nice)
    try:
        await _wait_until_listening(running, port, log)
        yield running.pid
    finally:
        await asyncio.to_thread(child_processes.end, running, END_SECONDS)


def _start(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path, core: int, nice: int
) -> child_processes.Process:
    command = [sys.executable, *arguments]
    with log.open("ab") as output, on_core(core):
        running = child_processes.start(
            command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    if nice:
        os.setpriority(os.PRIO_PROCESS, running.pid, nice)
    return running


async def _wait_until_listening(running: child_processes.Process, port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            if running.poll() is not None or time.monotonic() > deadline:
                raise DidNotStart(_end_of(log)) from None
            await asyncio.sleep(0.05)
        else:
            writer.close()
            await writer.wait_closed()
            return


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])


@contextlib.contextmanager
def on_core(core: int) -> Iterator[None]:
    """Pin this thread to a core during the block. Processes that it starts in the block stay on this core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def pin_to_asking_core() -> None:
    """Pin this process to the clients' core."""
    os.sched_setaffinity(0, {ASKING})


def cpu_seconds(pid: int, *, children: bool = True) -> float:
    """Return the user and system time of a process until now, including its descendants."""
    total = 0.0
    root = psutil.Process(pid)
    for process in (root, *(root.children(recursive=True) if children else ())):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process in bytes."""
    return int(psutil.Process(pid).memory_info().rss)
