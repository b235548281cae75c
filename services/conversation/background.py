"""Work that goes on beside the calls and must not stop because it failed once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from mesh.clock import Clock
from mesh.errors import StoreUnavailable

Work = Callable[[], Awaitable[None]]
"""Something that goes on for ever."""

AGAIN_SECONDS = 1.0
"""Pause before work that failed begins anew."""
ENDS_WITHIN_SECONDS = 0.2
"""How long work may take to end when it is cancelled, before it is cancelled once more."""

_log = structlog.get_logger()


async def kept_going(name: str, work: Work, clock: Clock) -> None:
    """Does work for ever; when it fails, says so and begins anew."""
    while True:
        try:
            await work()
        except StoreUnavailable:
            _log.warning("background work waits for the store", work=name)
        except Exception:  # noqa: BLE001 -- whatever it was, the calls need the work done
            _log.exception("background work failed and begins anew", work=name)
        await clock.sleep(AGAIN_SECONDS)


@asynccontextmanager
async def beside(clock: Clock, **works: Work) -> AsyncIterator[None]:
    """Does each work, by its name, until the block ends."""
    tasks = [asyncio.create_task(kept_going(name, work, clock), name=name) for name, work in works.items()]
    try:
        yield
    finally:
        pending = set(tasks)
        while pending:
            for task in pending:
                task.cancel()
            # More than once: redis-py may take a cancellation for a connection that broke, and the work would go on.
            _, pending = await asyncio.wait(pending, timeout=ENDS_WITHIN_SECONDS)


async def first_of(*awaitables: Awaitable[object]) -> None:
    """Returns when the first of these is done, and cancels the others. What the first one raises is raised."""
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
