"""Retention: deletion of old responses, of quotes that were never confirmed, and of deleted customers."""

from __future__ import annotations

from mesh.clock import Clock
from mesh.deleted_customers import NotYet
from services.booking.store.store import Store

PURGE_INTERVAL_SECONDS = 600.0


async def purge(store: Store, clock: Clock) -> None:
    """Purge now, then periodically, until cancelled."""
    while True:
        async with store.writing() as tx:
            await tx.purge(clock.now())
        await clock.sleep(PURGE_INTERVAL_SECONDS)


async def erase(store: Store, customer_id: str) -> None:
    """Delete everything of a customer whose account was deleted.

    Raises:
        NotYet: an outcome of a request to a supplier is missing; without its row it would never be found.
    """
    async with store.writing() as tx:
        if await tx.has_unfinished_attempts(customer_id):
            raise NotYet
        await tx.delete_customer(customer_id)
    await store.scrub()
