"""Answered requests are forgotten after a day: by then nobody sends one again because its answer got lost."""

from __future__ import annotations

from datetime import timedelta

from mesh.clock import Clock
from services.conversation.store import Store

REQUESTS_KEPT = timedelta(days=1)
"""How long the same request id gets the same answer."""
EVERY_SECONDS = 600.0
"""Pause between sweeps."""


async def forget_requests(store: Store, clock: Clock) -> None:
    """Deletes what is old enough, at once and then now and then, for ever."""
    while True:
        async with store.writing() as transaction:
            await transaction.forget_requests(clock.now() - REQUESTS_KEPT)
        await clock.sleep(EVERY_SECONDS)
