"""CPU cores: the serving side is pinned to one, the asking side to another, as with `taskset`.

PostgreSQL and Redis share the serving core, so a side's whole cost is on it. Neighbours that are not measured
(identity, the room server) run on the asking core.
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
    """Run what this thread starts inside the block on a core; the thread itself returns afterwards."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def pin_to_asking_core() -> None:
    """Pin this process to the asking core."""
    os.sched_setaffinity(0, {ASKING})


def cpu_seconds(pid: int, *, children: bool = True) -> float:
    """Return the user and system time of a process so far, with that of its descendants."""
    total = 0.0
    root = psutil.Process(pid)
    for process in (root, *(root.children(recursive=True) if children else ())):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process."""
    return int(psutil.Process(pid).memory_info().rss)
