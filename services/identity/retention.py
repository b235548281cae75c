"""Retention: periodic deletion of expired sessions, tokens and grants, and of old failed attempts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from sqlalchemy.exc import SQLAlchemyError

from mesh.clock import Clock
from mesh.errors import StoreUnavailable
from services.identity.accounts.sign_in_throttling import FORGET_AFTER
from services.identity.store.store import Store

PURGE_INTERVAL_SECONDS = 600.0
_log = structlog.get_logger()


@asynccontextmanager
async def purging(store: Store, clock: Clock) -> AsyncIterator[None]:
    """Purge expired rows at once and then periodically, until the block ends; let a running purge finish."""
    in_progress = asyncio.Lock()

    async def purge_periodically() -> None:
        while True:
            async with in_progress:
                await _purge(store, clock)
            await clock.sleep(PURGE_INTERVAL_SECONDS)

    task = asyncio.create_task(purge_periodically())
    try:
        yield
    finally:
        # A purge cancelled within a statement would leave the driver's thread with a closed event loop.
        async with in_progress:
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _purge(store: Store, clock: Clock) -> None:
    try:
        async with store.writing() as tx:
            await tx.purge(clock.now(), clock.now() - FORGET_AFTER)
        await store.scrub()
    except (SQLAlchemyError, StoreUnavailable):
        _log.warning("purge failed", exc_info=True)
