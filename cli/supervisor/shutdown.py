"""Shutdown of all parts within five seconds: callers first, then services, then the media server."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import sys
from collections.abc import Collection

import psutil

from cli.settings import SERVICES_GRACE_SECONDS
from cli.supervisor.parts import Stage
from cli.supervisor.process import PartProcess

GRACE_SECONDS = {Stage.CALLERS: 1.5, Stage.SERVICES: SERVICES_GRACE_SECONDS, Stage.MEDIA: 0.2}
"""Time in which the parts of a stage must end before they are killed. LiveKit has little time, because it
would wait until its rooms are empty."""

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """On Linux, become the parent of orphaned descendants, so that `kill_descendants` finds them."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


async def end_all(processes: Collection[PartProcess], hurry: asyncio.Event) -> None:
    """Terminate the processes stage by stage.

    Processes that don't end within their stage's time are killed. Once `hurry` is set, all are killed at
    once.
    """
    for stage in Stage:
        group = [process for process in processes if process.part.stage is stage]
        for process in group:
            process.terminate()
        ended = asyncio.gather(*(process.wait() for process in group))
        hurried = asyncio.create_task(hurry.wait())
        waiting = (ended, hurried)
        await asyncio.wait(waiting, timeout=GRACE_SECONDS[stage], return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        for process in group:
            process.kill()
        await ended


def children() -> set[psutil.Process]:
    """Return the direct children of this process."""
    return set(psutil.Process().children())


def kill_descendants(spared: Collection[psutil.Process]) -> None:
    """Kill all descendants of this process, except the `spared` children and their descendants.

    Call it last, for processes that all other steps of the shutdown missed.
    """
    left: list[psutil.Process] = []
    for child in children().difference(spared):
        with contextlib.suppress(psutil.NoSuchProcess):
            left += [child, *child.children(recursive=True)]
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=1)
