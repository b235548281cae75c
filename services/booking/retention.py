"""Retention: periodic deletion of old responses and of quotes that were never confirmed."""

from __future__ import annotations

from mesh.clock import Clock
from services.booking.store.store import Store

PURGE_INTERVAL_SECONDS = 600.0


async def purge(store: Store, clock: Clock) -> None:
    """Purge now, then periodically, until cancelled."""
    while True:
        async with store.writing() as tx:
            await tx.purge(clock.now())
        await clock.sleep(PURGE_INTERVAL_SECONDS)
