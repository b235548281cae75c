"""Retention of answered requests and of dead replicas' rows.

Conversations don't expire; a customer deletes them (see `deletion`).
"""

from __future__ import annotations

from datetime import timedelta

from mesh.clock import Clock
from services.conversation.store import Store, leases

REQUESTS_KEPT = timedelta(days=1)
"""Time for which the answer to a request id is stored. A client that didn't get the answer retries sooner."""
REPLICAS_KEPT = timedelta(days=1)
"""A replica's row is deleted if its last renewal is older than this."""
EVERY_SECONDS = 600.0
"""Pause between purges. Several replicas may purge at the same time."""


async def purge(store: Store, clock: Clock) -> None:
    """Purge expired rows now, then periodically, until cancelled."""
    while True:
        async with store.writing() as transaction:
            await transaction.purge_requests(clock.now() - REQUESTS_KEPT)
            await leases.purge_replicas(transaction.connection, clock.now() - REPLICAS_KEPT)
        await clock.sleep(EVERY_SECONDS)
