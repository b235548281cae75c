"""Ends everything within five seconds: callers first, then services, then the media server."""

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
"""How long each stage may take to end by itself. LiveKit would wait for its rooms to empty, so it is hardly waited for."""

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Makes Linux hand the orphans of our children to us, so that none is out of sight. Elsewhere process groups must do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


async def end(processes: Collection[PartProcess], hurry: asyncio.Event) -> None:
    """Asks stage by stage, then kills what is left. With `hurry` set nothing is waited for."""
    for stage in Stage:
        group = [process for process in processes if process.part.stage is stage]
        await _end_stage(group, GRACE_SECONDS[stage], hurry)


async def _end_stage(group: Collection[PartProcess], grace: float, hurry: asyncio.Event) -> None:
    for process in group:
        process.terminate()
    all_ended = asyncio.create_task(_all_ended(group))
    impatient = asyncio.create_task(hurry.wait())
    await asyncio.wait((all_ended, impatient), timeout=grace, return_when=asyncio.FIRST_COMPLETED)
    impatient.cancel()
    for process in group:
        process.kill()
    await all_ended


async def _all_ended(group: Collection[PartProcess]) -> bool:
    for process in group:
        await process.wait()
    return True


def children() -> set[psutil.Process]:
    """The processes that this one has started itself."""
    return set(psutil.Process().children())


def kill_descendants(spared: Collection[psutil.Process]) -> list[str]:
    """Kills whatever else descends from this process, but for children that are `spared` and theirs, and returns the names; the last net
    under everything above."""
    left: list[psutil.Process] = []
    for child in children().difference(spared):
        with contextlib.suppress(psutil.NoSuchProcess):
            left += [child, *child.children(recursive=True)]
    names = []
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            names.append(process.name())
            process.kill()
    psutil.wait_procs(left, timeout=1)
    return names
