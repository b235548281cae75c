"""The bus inside one process: what is committed reaches every watcher at once, out of memory, and never waits for any of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from readback.conversation.v1 import entry_pb2

from services.conversation.log.bus import Committed
from services.conversation.model.cursors import LogId, LogKind
from services.conversation.watch.live_captions import Spoken
from services.conversation.watch.topics import Listener, Memory, Topic
from services.conversation.watch.wire_entries import Step, deletion, step_of


class Relay(Protocol):
    """Carries what this process commits to others, and theirs here. Nothing here waits, and anything may be lost."""

    def committed(self, commit: Committed) -> None:
        """Passes on what was stored here."""
        ...

    def spoken(self, customer_id: str, spoken: Spoken) -> None:
        """Passes on what is being spoken here."""
        ...

    def hint_call(self, call_id: str) -> None:
        """Passes on that a call ended or changed hands."""
        ...

    def follow(self, customer_id: str) -> None:
        """Wants to hear of a customer's conversations from now on."""
        ...


class LocalWakeUps:
    """The bus of a process; implements `Bus`."""

    def __init__(self) -> None:
        self._topics: dict[LogId, Topic] = {}
        self._memory = Memory()
        self._call_hints: list[Callable[[str], None]] = []
        self.relay: Relay | None = None
        """To other processes, if there are any."""

    # What is said

    def committed(self, commit: Committed) -> None:
        """Tells watchers here and, through the relay, elsewhere: those first, they have the longer way."""
        if self.relay is not None:
            self.relay.committed(commit)
        self.hear(commit)

    def spoken(self, customer_id: str, conversation_id: str, speech: entry_pb2.OpenUtterance) -> None:
        """Passes live text on to who wants it, here and elsewhere."""
        spoken = Spoken(conversation_id, speech)
        self.hear_speech(customer_id, spoken)
        if self.relay is not None:
            self.relay.spoken(customer_id, spoken)

    def hint_call(self, call_id: str) -> None:
        """Says, here and elsewhere, that a call ended or changed hands."""
        self.hear_call(call_id)
        if self.relay is not None:
            self.relay.hint_call(call_id)

    # What is heard, from here or elsewhere

    def hear(self, commit: Committed) -> None:
        """Tells watchers here of a commit. Without its entries they read them from the store."""
        log = self._topics.get(LogId.conversation(commit.conversation_id))
        feed = self._topics.get(LogId.feed(commit.customer_id))
        if log is None and feed is None:
            return
        entries = [step_of(commit.conversation_id, stored) for stored in commit.entries]
        if log is not None:
            log.seal(commit.sealed)
            if entries:
                log.join(entries, head=commit.head)
            log.reach(commit.head)
            if commit.deleted or (commit.ended and entries):
                log.finish(ended=commit.ended, deleted=commit.deleted)
        if feed is not None:
            self._hear_in_feed(feed, commit, entries)

    def hear_speech(self, customer_id: str, spoken: Spoken) -> None:
        """Tells watchers here what is being spoken."""
        for log in (LogId.conversation(spoken.conversation_id), LogId.feed(customer_id)):
            topic = self._topics.get(log)
            if topic is not None:
                topic.speak(spoken)

    def hear_call(self, call_id: str) -> None:
        """Tells whoever asked that a call should be looked at."""
        for told in self._call_hints:
            told(call_id)

    def on_call_hint(self, told: Callable[[str], None]) -> None:
        """Wants to be told of calls that end or change hands."""
        self._call_hints.append(told)

    @staticmethod
    def _hear_in_feed(feed: Topic, commit: Committed, entries: list[Step]) -> None:
        feed.seal(commit.sealed)
        if commit.deleted:
            feed.live.forget(commit.conversation_id)
        positions = [stored.feed_position for stored in commit.entries]
        placed = [step._replace(position=position) for step, position in zip(entries, positions, strict=True)]
        if commit.deleted and commit.feed_head:
            placed.append(deletion(commit.feed_head, commit.conversation_id))
        if placed and placed[0].position and placed[-1].position == commit.feed_head:
            feed.join(placed, head=commit.feed_head)
        feed.reach(commit.feed_head)

    # Who listens

    @contextmanager
    def listen(self, log: LogId, customer_id: str, *, wants_live: bool = False) -> Iterator[Listener]:
        """Hears of one log until the block ends."""
        topic = self._topics.get(log)
        if topic is None:
            topic = self._topics[log] = Topic(log, customer_id, self._memory)
            if self.relay is not None:
                self.relay.follow(customer_id)
        listener = Listener(topic, wants_live=wants_live)
        topic.listeners.add(listener)
        try:
            yield listener
        finally:
            topic.listeners.discard(listener)
            if not topic.listeners and self._topics.get(log) is topic:
                del self._topics[log]

    def watched(self, kind: LogKind) -> Mapping[str, Topic]:
        """The logs of a kind that somebody listens to, by id."""
        return {log.id: topic for log, topic in self._topics.items() if log.kind is kind}

    def wake_all(self) -> None:
        """Wakes everybody, for reasons that are not in the log."""
        for topic in list(self._topics.values()):
            topic.wake()
