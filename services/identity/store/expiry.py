"""Forgetting: what has expired is deleted now and then, so that the database holds no more about people than it needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from sqlalchemy.exc import SQLAlchemyError

from mesh.clock import Clock
from mesh.errors import StoreUnavailable
from services.identity.accounts.sign_in_throttling import FORGOTTEN_AFTER
from services.identity.store.store import Store

EVERY_SECONDS = 600.0
_log = structlog.get_logger()


@asynccontextmanager
async def sweeping(store: Store, clock: Clock) -> AsyncIterator[None]:
    """Sweeps at once and then now and then, as long as the block runs. A sweep that has begun is finished."""
    sweep_in_progress = asyncio.Lock()

    async def sweep_forever() -> None:
        while True:
            async with sweep_in_progress:
                await _sweep(store, clock)
            await clock.sleep(EVERY_SECONDS)

    task = asyncio.create_task(sweep_forever())
    try:
        yield
    finally:
        # Cancelled in the middle of a statement, it would leave the driver's thread talking to an event loop that is gone.
        async with sweep_in_progress:
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _sweep(store: Store, clock: Clock) -> None:
    try:
        async with store.writing() as tx:
            await tx.sweep(clock.now(), clock.now() - FORGOTTEN_AFTER)
    except (SQLAlchemyError, StoreUnavailable):
        _log.warning("sweep put off", exc_info=True)
