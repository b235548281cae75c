"""Which core does what: the side that serves has one, the side that asks another, as `taskset` would have it.

The database, and Redis where there is one, share the serving core: a side's whole cost is on it, and what a side saves there
it may keep. Neighbours that are not measured (identity, the room server) are on the asking core.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import psutil

_CORES = sorted(os.sched_getaffinity(0))
SERVING, ASKING = _CORES[0], _CORES[min(1, len(_CORES) - 1)]


@contextlib.contextmanager
def on_core(core: int) -> Iterator[None]:
    """What this thread starts inside the block runs on that core; the thread itself goes back where it was."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def ask_from_here() -> None:
    """Puts this process on the asking core, for good."""
    os.sched_setaffinity(0, {ASKING})


def cpu_seconds(*pids: int) -> float:
    """User and system time that these processes and the ones they started have used so far."""
    total = 0.0
    for pid in pids:
        for process in (parent := psutil.Process(pid), *parent.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
    return total


def resident_bytes(pid: int) -> int:
    """Memory that a process has in RAM."""
    return int(psutil.Process(pid).memory_info().rss)
