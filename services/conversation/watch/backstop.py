"""The backstop: a slow poll for changes whose wake-ups were lost. Each poll takes two queries per process."""

from __future__ import annotations

from mesh.clock import Clock
from services.conversation.model.cursors import LogKind
from services.conversation.store import Store
from services.conversation.watch.wakeups import LocalBus


async def backstop(store: Store, bus: LocalBus, clock: Clock, interval: float) -> None:
    """Poll the heads of the watched logs every `interval` seconds, until cancelled."""
    while True:
        await clock.sleep(interval)
        await poll(store, bus)


async def poll(store: Store, bus: LocalBus) -> None:
    """Poll the heads of the watched logs once, and wake the watchers of logs that changed."""
    conversations, feeds = bus.watched(LogKind.CONVERSATION), bus.watched(LogKind.FEED)
    if not conversations and not feeds:
        return
    async with store.reading() as transaction:
        heads = await transaction.heads(conversations)
        ends = await transaction.feed_ends(feeds)
    for conversation_id, topic in conversations.items():
        if conversation_id in heads:
            topic.advance(heads[conversation_id])
        else:
            topic.close(deleted=True)
    for customer_id, topic in feeds.items():
        topic.advance(ends.get(customer_id, 0))
