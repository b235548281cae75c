"""The local wake-up bus: one process, nothing queued. A listener holds a number and, for each open utterance, its latest text."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from readback.conversation.v1 import entry_pb2

from services.conversation.ports import Committed

MAX_LIVE = 8
"""Open utterances that a listener holds text of at once; two people talk, so more is a writer's mistake."""


class Listener:
    """One watcher's ear."""

    def __init__(self) -> None:
        self.head = 0
        self._live: OrderedDict[str, entry_pb2.OpenUtterance] = OrderedDict()
        self._news = asyncio.Event()

    def offer(self, speech: entry_pb2.OpenUtterance) -> None:
        """Leaves live text to be taken; of two revisions the higher stays."""
        held = self._live.get(speech.utterance_id)
        if held is None or held.revision < speech.revision:
            self._live[speech.utterance_id] = speech
            while len(self._live) > MAX_LIVE:
                self._live.popitem(last=False)
            self._news.set()

    def hear(self, head: int, sealed: Iterable[str]) -> None:
        """Takes note of a commit; hearing of the same one again wakes nobody."""
        for utterance_id in sealed:
            self._live.pop(utterance_id, None)
        if head > self.head:
            self.head = head
            self._news.set()

    def wake(self) -> None:
        """Lets the watcher look around."""
        self._news.set()

    def take_live(self) -> list[entry_pb2.OpenUtterance]:
        """The live text that came since it was last taken."""
        taken = list(self._live.values())
        self._live.clear()
        return taken

    async def woken(self) -> None:
        """Returns when something came since it last returned."""
        await self._news.wait()
        self._news.clear()


class LocalWakeUps:
    """The bus of a single process."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = {}

    def committed(self, commit: Committed) -> None:
        """Says what was stored."""
        for listener in self._listeners.get(commit.conversation_id, ()):
            listener.hear(commit.head, commit.sealed)

    def hint_call(self, call_id: str) -> None:
        """Says that a call ended or changed hands."""

    def spoken(self, customer_id: str, conversation_id: str, speech: entry_pb2.OpenUtterance) -> None:  # noqa: ARG002 -- the bus's signature
        """Passes live text of an open utterance on."""
        for listener in self._listeners.get(conversation_id, ()):
            listener.offer(speech)

    @contextmanager
    def listen(self, conversation_id: str) -> Iterator[Listener]:
        """Hears of one conversation until the block ends."""
        listener = Listener()
        listeners = self._listeners.setdefault(conversation_id, set())
        listeners.add(listener)
        try:
            yield listener
        finally:
            listeners.discard(listener)
            if not listeners and self._listeners.get(conversation_id) is listeners:
                del self._listeners[conversation_id]

    def watched(self) -> Sequence[str]:
        """Conversations that somebody listens to."""
        return list(self._listeners)

    def wake_all(self) -> None:
        """Wakes every listener."""
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.wake()
