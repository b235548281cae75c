"""The slow poll that makes up for wake-ups that got lost: one query a second for a whole process, however many watch."""

from __future__ import annotations

from mesh.clock import Clock
from services.conversation.ports import Committed
from services.conversation.store import Store
from services.conversation.wakeups import LocalWakeUps

INTERVAL_SECONDS = 1.0
"""How late an entry can be for a watcher whose wake-up got lost."""


async def backstop(store: Store, bus: LocalWakeUps, clock: Clock) -> None:
    """Tells the bus what the store holds of what is watched, for ever."""
    while True:
        await clock.sleep(INTERVAL_SECONDS)
        await look(store, bus)


async def look(store: Store, bus: LocalWakeUps) -> None:
    """Tells the bus once."""
    watched = bus.watched()
    if watched:
        async with store.reading() as transaction:
            heads = await transaction.heads(watched)
        for conversation_id, head in heads.items():
            bus.committed(Committed("", conversation_id, head))
