"""What the watchers of one log share inside a process: how far the log goes, its last entries in memory, and what is being spoken."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from services.conversation.model.cursors import LogId
from services.conversation.watch.live_captions import REMEMBERED_SEALED, LiveText, Spoken
from services.conversation.watch.wire_entries import Step

MEMORY_BYTES = 16 * 1024 * 1024
"""Room for the last entries of all watched logs together. Who is further behind than they reach reads from the store."""
_OVERHEAD = 512
"""What an entry takes in memory beside its bytes."""


class Listener:
    """One watcher's ear: whether there is news, and how much live text it has taken."""

    __slots__ = ("_news", "_seen", "_waiter", "topic", "wants_live")

    def __init__(self, topic: Topic, *, wants_live: bool) -> None:
        self.topic, self.wants_live = topic, wants_live
        self._seen = 0
        self._news = False
        self._waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """Lets the watcher look around."""
        self._news = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def woken(self) -> None:
        """Returns when something came since it last returned."""
        if not self._news:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._news = False

    def take_live(self) -> Sequence[Spoken]:
        """The live text that came since it was last taken."""
        live = self.topic.live
        if not self.wants_live or self._seen == live.version:
            return ()
        taken = live.since(self._seen)
        self._seen = live.version
        return taken


class Topic:
    """A log that somebody watches."""

    __slots__ = (
        "_memory",
        "_steps",
        "customer_id",
        "deleted",
        "ended",
        "head",
        "listeners",
        "live",
        "log",
        "turn",
    )

    def __init__(self, log: LogId, customer_id: str, memory: Memory) -> None:
        self.log, self.customer_id, self._memory = log, customer_id, memory
        self.head = 0
        """The highest position known to be committed; 0 until somebody looked."""
        self.ended = self.deleted = False
        self.live = LiveText()
        self.listeners: set[Listener] = set()
        self.turn = asyncio.Lock()
        """Held by the one watcher that reads news from the store for all who stand at the head."""
        self._steps: deque[Step] = deque()

    def after(self, position: int, limit: int) -> list[Step] | None:
        """What comes next after a position, if memory reaches back that far; None if it has to be read from the store."""
        if position >= self.head:
            return []
        if not self._steps or self._steps[0].position > position + 1 or self._steps[-1].position <= position:
            return None
        skipped = position + 1 - self._steps[0].position
        return list(islice(self._steps, skipped, skipped + limit))

    def take(self, steps: Sequence[Step], *, head: int) -> None:
        """Takes what was read from the store for all, in order, up to `head`."""
        for step in steps:
            if step.position > self._end() + 1:
                self._steps.clear()  # `after` counts on there being no gaps
            if not self._steps or step.position > self._end():
                self._hold(step)
        self._sealed(steps, head)

    def join(self, steps: Sequence[Step], *, head: int) -> None:
        """Takes what is said to be committed, in order. Memory takes what goes on where it ends; for what doesn't, a gap having come
        between, one watcher asks the store."""
        for step in steps:
            if step.position == self._end() + 1:
                self._hold(step)
        self._sealed(steps, head)

    def reach(self, head: int) -> None:
        """Takes note of how far the log goes by now; what came is in the store."""
        if head > self.head:
            self.head = head
            self.wake()

    def settle(self, expected: int, found: int) -> None:
        """Takes note of the head that was found in the store when another, or none, was expected before it was read."""
        if found < expected == self.head:
            self.head = found  # a hint was wrong: the table is the truth
            while self._steps and self._steps[-1].position > found:
                self._steps.pop()
        self.reach(found)

    def seal(self, utterance_ids: Iterable[str]) -> None:
        """Takes note of utterances that are no longer open."""
        self.live.seal(utterance_ids)

    def found(self, steps: Sequence[Step]) -> None:
        """Takes note of what a watcher read for itself."""
        self.live.find_sealed(step.id for step in steps[-REMEMBERED_SEALED:] if step.speaker)

    def speak(self, spoken: Spoken) -> None:
        """Passes live text on."""
        if self.live.offer(spoken):
            for listener in self.listeners:
                if listener.wants_live:
                    listener.wake()

    def finish(self, *, ended: bool = False, deleted: bool = False) -> None:
        """Takes note that nothing more will come, and why."""
        self.ended, self.deleted = self.ended or ended, self.deleted or deleted
        self.wake()

    def wake(self) -> None:
        """Wakes every watcher."""
        for listener in self.listeners:
            listener.wake()

    def drop(self, position: int) -> None:
        """Lets go of the oldest entry in memory, if it is still the one at a position."""
        if self._steps and self._steps[0].position == position:
            self._steps.popleft()

    def is_at_end(self, position: int) -> bool:
        """Whether a position is not behind what memory holds: the next entry after it is news to everybody here."""
        return not self._steps or self._steps[-1].position <= position

    def _end(self) -> int:
        """Where memory ends; while there is nothing in it, where the log does."""
        return self._steps[-1].position if self._steps else self.head

    def _hold(self, step: Step) -> None:
        self._steps.append(step)
        self._memory.hold(self, step)

    def _sealed(self, steps: Iterable[Step], head: int) -> None:
        self.live.seal(step.id for step in steps if step.speaker)
        self.reach(head)


class _Held(NamedTuple):
    topic: Topic
    position: int
    size: int


class Memory:
    """The room that all topics of a process share for entries; the oldest make way."""

    def __init__(self, size: int = MEMORY_BYTES) -> None:
        self._size, self._held_size = size, 0
        self._held: deque[_Held] = deque()

    def hold(self, topic: Topic, step: Step) -> None:
        """Counts an entry that a topic took."""
        held = _Held(topic, step.position, _OVERHEAD + len(step.data))
        self._held.append(held)
        self._held_size += held.size
        while self._held_size > self._size:
            oldest = self._held.popleft()
            self._held_size -= oldest.size
            oldest.topic.drop(oldest.position)
