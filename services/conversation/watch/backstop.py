"""The slow poll that makes up for wake-ups that got lost: two questions an interval for a whole process, however many watch."""

from __future__ import annotations

from mesh.clock import Clock
from services.conversation.model.cursors import LogKind
from services.conversation.store import Store
from services.conversation.watch.wakeups import LocalWakeUps


async def backstop(store: Store, bus: LocalWakeUps, clock: Clock, interval: float) -> None:
    """Tells watchers what the store holds of what they watch, every `interval` seconds, for ever."""
    while True:
        await clock.sleep(interval)
        await look(store, bus)


async def look(store: Store, bus: LocalWakeUps) -> None:
    """Tells them once."""
    conversations, feeds = bus.watched(LogKind.CONVERSATION), bus.watched(LogKind.FEED)
    if not conversations and not feeds:
        return
    async with store.reading() as transaction:
        heads = await transaction.heads(conversations)
        ends = await transaction.feed_ends(feeds)
    for conversation_id, topic in conversations.items():
        if conversation_id in heads:
            topic.reach(heads[conversation_id])
        else:
            topic.finish(deleted=True)
    for customer_id, topic in feeds.items():
        topic.reach(ends.get(customer_id, 0))
