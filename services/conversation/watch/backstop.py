"""The backstop: a slow poll for changes whose wake-ups were lost. Each poll takes up to three queries."""

from __future__ import annotations

from collections.abc import Sequence

from mesh.clock import Clock
from services.conversation.model.cursors import LogKind
from services.conversation.store import Store
from services.conversation.watch.topics import Topic
from services.conversation.watch.wakeups import LocalBus


async def backstop(store: Store, bus: LocalBus, clock: Clock, interval: float) -> None:
    """Poll the heads of the watched logs every `interval` seconds, until cancelled."""
    while True:
        await clock.sleep(interval)
        await poll(store, bus)


async def poll(store: Store, bus: LocalBus, *, missed: bool = False) -> None:
    """Poll the heads of the watched logs once, and wake the watchers of logs that changed.

    Args:
        missed: True if wake-ups may be lost, so that the state of every watched conversation is read again.
    """
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
    topics = [*conversations.values(), *feeds.values()]
    if missed:
        for topic in topics:
            topic.mark_all_changed()
    await _poll_line(store, topics)


async def _poll_line(store: Store, topics: Sequence[Topic]) -> None:
    """Mark the conversations whose calls have moved up in the line; no wake-up says so."""
    waiting = [(topic, calls) for topic in topics if (calls := topic.states.waiting())]
    if not waiting:
        return
    async with store.asking() as transaction:
        places = await transaction.places_in_line({call.call_id for _, calls in waiting for call in calls})
    for topic, calls in waiting:
        moved = [call for call in calls if places.get(call.call_id, 0) != call.place_in_line]
        topic.mark_changed(call.conversation_id for call in moved)
