"""Background tasks of a process. A task that fails is restarted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from mesh.clock import Clock
from mesh.errors import StoreUnavailable

Task = Callable[[], Awaitable[None]]
"""A function that runs until it is cancelled."""

RESTART_SECONDS = 1.0
"""Pause before a failed task is restarted."""
ENDS_WITHIN_SECONDS = 0.2
"""Time to wait for a cancelled task to end before it is cancelled again."""

_log = structlog.get_logger()


async def restart_on_failure(name: str, task: Task, clock: Clock) -> None:
    """Run a task, and restart it after each failure, until cancelled."""
    while True:
        try:
            await task()
        except StoreUnavailable:
            _log.warning("store unavailable; background task will restart", task=name)
        except Exception:  # noqa: BLE001 -- a process depends on every task, so restart after any error
            _log.exception("background task failed; restarting", task=name)
        await clock.sleep(RESTART_SECONDS)


@asynccontextmanager
async def run_in_background(clock: Clock, **tasks: Task) -> AsyncIterator[None]:
    """Run tasks until the block ends. The keywords are the names of the tasks."""
    pending = {
        asyncio.create_task(restart_on_failure(name, task, clock), name=name) for name, task in tasks.items()
    }
    try:
        yield
    finally:
        while pending:
            for task in pending:
                task.cancel()
            # Repeated, because redis-py may treat a cancellation as a broken connection and continue.
            _, pending = await asyncio.wait(pending, timeout=ENDS_WITHIN_SECONDS)


async def first_of(*awaitables: Awaitable[object]) -> None:
    """Wait until one of the awaitables is done; then cancel the rest. Raise the error of the first one."""
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
