"""Topics: the state that all watchers of one log share in a process.

It consists of the log's head, its last entries, and its live captions.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from services.conversation.model.cursors import LogId, LogKind
from services.conversation.store import Store
from services.conversation.watch.conversation_states import (
    NEWEST,
    ConversationState,
    ConversationStates,
    read_conversations,
)
from services.conversation.watch.live_captions import RECENTLY_SEALED, Caption, CaptionChange, LiveCaptions
from services.conversation.watch.wire_entries import WireEntry

CACHE_BYTES = 16 * 1024 * 1024
"""Capacity of the cache, in bytes, for all watched logs. It holds their last entries; older ones are read
from the store."""
_OVERHEAD = 512
"""Memory of a cached entry in addition to its serialized data, in bytes."""


class Listener:
    """A watcher's subscription to a topic. It wakes the watcher and remembers what the watcher has taken."""

    __slots__ = (
        "_captions_taken",
        "_states_taken",
        "_waiter",
        "_woken",
        "topic",
        "wants_captions",
        "wants_states",
    )

    def __init__(self, topic: Topic, *, wants_captions: bool, wants_states: bool = False) -> None:
        self.topic, self.wants_captions, self.wants_states = topic, wants_captions, wants_states
        self._captions_taken = self._states_taken = 0
        self._woken = False
        self._waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """Wake the watcher. If it isn't waiting, its next `wait` returns immediately."""
        self._woken = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self) -> None:
        """Wait until `wake` is called. Return immediately if it was called after the previous `wait`."""
        if not self._woken:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._woken = False

    def take_captions(self) -> Sequence[CaptionChange]:
        """Return how the captions have changed since the last call."""
        captions = self.topic.captions
        if not self.wants_captions or self._captions_taken == captions.version:
            return ()
        taken = captions.since(self._captions_taken)
        self._captions_taken = captions.version
        return taken

    def take_states(self) -> Sequence[ConversationState]:
        """Return the conversations that have changed since the last call."""
        states = self.topic.states
        if not self.wants_states:
            return ()
        taken = states.since(self._states_taken)
        self._states_taken = states.version
        return taken


class Topic:
    """The shared state of a watched log. The cached entries are consecutive; none is beyond `head`."""

    def __init__(self, log: LogId, customer_id: str, cache: CacheBudget) -> None:
        self.log, self.customer_id, self._cache = log, customer_id, cache
        self.head = 0
        """Highest position that is known to be committed; 0 until the first read or announcement."""
        self.ended = self.deleted = False
        self.captions, self.states = LiveCaptions(), ConversationStates()
        self.listeners: set[Listener] = set()
        self.read_lock = asyncio.Lock()
        """Held by the watcher that reads new entries from the store for all watchers at the head."""
        self._entries: deque[WireEntry] = deque()

    def after(self, position: int, limit: int) -> list[WireEntry] | None:
        """Return up to `limit` entries after a position; None if they must be read from the store."""
        if position >= self.head:
            return []
        if (
            not self._entries
            or self._entries[0].position > position + 1
            or self._entries[-1].position <= position
        ):
            return None
        skipped = position + 1 - self._entries[0].position
        return list(islice(self._entries, skipped, skipped + limit))

    def add_read(self, entries: Sequence[WireEntry], *, head: int) -> None:
        """Add entries that were read from the store. They are in order and end at `head`."""
        for entry in entries:
            if entry.position > self._end() + 1:
                self._entries.clear()  # `after` relies on consecutive positions
            if not self._entries or entry.position > self._end():
                self._put(entry)
        self._seal_and_advance(entries, head)

    def add_committed(self, entries: Sequence[WireEntry], *, head: int) -> None:
        """Add announced entries, in order.

        Entries after a gap are not cached; a watcher reads them from the store later.
        """
        for entry in entries:
            if entry.position == self._end() + 1:
                self._put(entry)
        self._seal_and_advance(entries, head)

    def advance(self, head: int) -> None:
        """Raise the head and wake every watcher. Does nothing if the head isn't higher."""
        if head > self.head:
            self.head = head
            self.wake()

    def correct(self, expected: int, found: int) -> None:
        """Set the head to `found`, which was just read from the store.

        `expected` is the head before the read. If it is higher than `found`, it came from a wrong hint; the
        head is then lowered, unless it has changed since.
        """
        if found < expected == self.head:
            self.head = found
            while self._entries and self._entries[-1].position > found:
                self._entries.pop()
        self.advance(found)

    def seal_read(self, entries: Sequence[WireEntry]) -> None:
        """Drop the captions of utterances whose entries a watcher read from the store."""
        self.captions.seal_read(entry.id for entry in entries[-RECENTLY_SEALED:] if entry.speaker)

    def add_caption(self, caption: Caption) -> None:
        """Add a caption and wake the watchers that want captions."""
        if self.captions.offer(caption):
            for listener in self.listeners:
                if listener.wants_captions:
                    listener.wake()

    def mark_changed(self, conversation_ids: Iterable[str]) -> None:
        """Let a watcher that wants states read these conversations again, if there is one."""
        if any(listener.wants_states for listener in self.listeners):
            self.states.mark(conversation_ids)
            self._wake_states()

    def mark_all_changed(self) -> None:
        """Let a watcher that wants states read all known conversations again, and those that may be new."""
        first = self.log.id if self.log.kind is LogKind.CONVERSATION else NEWEST
        self.mark_changed({first, *self.states.known()})

    async def refresh_states(self, store: Store) -> None:
        """Read the conversations that are marked as changed, for all watchers."""
        if not self.states.to_read().marks:
            return
        async with self.states.read_lock:
            asked = self.states.to_read()
            if asked.marks:
                found = await read_conversations(store, self.customer_id, asked.marks.keys())
                if self.states.put(asked, found):
                    self._wake_states()

    def _wake_states(self) -> None:
        for listener in self.listeners:
            if listener.wants_states:
                listener.wake()

    def close(self, *, ended: bool = False, deleted: bool = False) -> None:
        """Mark the log as ended or deleted and wake every watcher."""
        self.ended, self.deleted = self.ended or ended, self.deleted or deleted
        self.wake()

    def wake(self) -> None:
        """Wake every watcher."""
        for listener in self.listeners:
            listener.wake()

    def evict(self, position: int) -> None:
        """Drop the oldest cached entry, if its position is `position`."""
        if self._entries and self._entries[0].position == position:
            self._entries.popleft()

    def is_at_end(self, position: int) -> bool:
        """Return whether no entry after a position is cached. The next entry is then new to all watchers."""
        return not self._entries or self._entries[-1].position <= position

    def _end(self) -> int:
        """Return the position of the last cached entry; if none is cached, the head of the log."""
        return self._entries[-1].position if self._entries else self.head

    def _put(self, entry: WireEntry) -> None:
        self._entries.append(entry)
        self._cache.add(self, entry)

    def _seal_and_advance(self, entries: Iterable[WireEntry], head: int) -> None:
        self.captions.seal(entry.id for entry in entries if entry.speaker)
        self.advance(head)


class _Cached(NamedTuple):
    topic: Topic
    position: int
    size: int


class CacheBudget:
    """The cache capacity, in bytes, that all topics of a process share. The oldest entries are evicted."""

    def __init__(self, capacity: int = CACHE_BYTES) -> None:
        self._capacity, self._size = capacity, 0
        self._cached: deque[_Cached] = deque()

    def add(self, topic: Topic, entry: WireEntry) -> None:
        """Count an entry that a topic has cached; then evict the oldest entries until all fit."""
        cached = _Cached(topic, entry.position, _OVERHEAD + len(entry.data))
        self._cached.append(cached)
        self._size += cached.size
        while self._size > self._capacity:
            oldest = self._cached.popleft()
            self._size -= oldest.size
            oldest.topic.evict(oldest.position)
