"""What is of no use any more: answered requests after a day, since by then nobody sends one again because its answer got lost, and
replicas that have not been heard of for as long."""

from __future__ import annotations

from datetime import timedelta

from mesh.clock import Clock
from services.conversation.store import Store, leases

REQUESTS_KEPT = timedelta(days=1)
"""How long the same request id gets the same answer."""
EVERY_SECONDS = 600.0
"""Pause between sweeps. Replicas may sweep at once: what one has deleted the other doesn't find."""


async def forget(store: Store, clock: Clock) -> None:
    """Deletes what is old enough, at once and then now and then, for ever."""
    while True:
        async with store.writing() as transaction:
            await transaction.forget_requests(clock.now() - REQUESTS_KEPT)
            await leases.forget_replicas(transaction.connection, clock.now() - REQUESTS_KEPT)
        await clock.sleep(EVERY_SECONDS)
