"""The bus inside one process. It wakes the watchers of a log and caches the new entries for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from services.conversation.log.bus import Committed
from services.conversation.model.cursors import LogId, LogKind
from services.conversation.watch.live_captions import Caption
from services.conversation.watch.topics import CacheBudget, Listener, Topic
from services.conversation.watch.wire_entries import WireEntry, deletion, wire_entry


class Relay(Protocol):
    """Interface for sending announcements to other processes. No method blocks. Announcements may be lost."""

    def committed(self, commit: Committed) -> None:
        """Send a commit of this process."""
        ...

    def spoken(self, customer_id: str, caption: Caption) -> None:
        """Send a caption of this process."""
        ...

    def hint_call(self, call_id: str) -> None:
        """Send the hint that a call has ended or its agent was replaced."""
        ...

    def follow(self, customer_id: str) -> None:
        """Start to receive other processes' announcements about a customer's conversations."""
        ...


class LocalBus:
    """The bus of a process; implements `Bus`."""

    def __init__(self) -> None:
        self._topics: dict[LogId, Topic] = {}
        self._cache = CacheBudget()
        self._call_listeners: list[Callable[[str], None]] = []
        self.relay: Relay | None = None
        """Relay to other processes; None if there is only one process."""

    # Announcements from this process

    def committed(self, commit: Committed) -> None:
        """Announce a commit. Other processes are notified first, because that takes longer."""
        if self.relay is not None:
            self.relay.committed(commit)
        self.deliver(commit)

    def spoken(self, customer_id: str, conversation_id: str, speech: call_record.OpenUtterance) -> None:
        """Announce the text of an open utterance."""
        caption = Caption(conversation_id, speech)
        self.deliver_caption(customer_id, caption)
        if self.relay is not None:
            self.relay.spoken(customer_id, caption)

    def hint_call(self, call_id: str) -> None:
        """Announce that a call has ended or its agent was replaced."""
        self.deliver_call(call_id)
        if self.relay is not None:
            self.relay.hint_call(call_id)

    # Announcements from any process, delivered to the watchers of this process

    def deliver(self, commit: Committed) -> None:
        """Deliver a commit to watchers. If it has no entries, they read the entries from the store."""
        log = self._topics.get(LogId.conversation(commit.conversation_id))
        feed = self._topics.get(LogId.feed(commit.customer_id))
        if log is None and feed is None:
            return
        entries = [wire_entry(commit.conversation_id, entry) for entry in commit.entries]
        if log is not None:
            log.captions.seal(commit.sealed)
            if entries:
                log.add_committed(entries, head=commit.head)
            log.advance(commit.head)
            if commit.changed:
                log.mark_changed([commit.conversation_id])
            if commit.deleted or (commit.ended and entries):
                log.close(ended=commit.ended, deleted=commit.deleted)
        if feed is not None:
            self._deliver_to_feed(feed, commit, entries)

    def deliver_caption(self, customer_id: str, caption: Caption) -> None:
        """Deliver a caption to watchers."""
        for log in (LogId.conversation(caption.conversation_id), LogId.feed(customer_id)):
            topic = self._topics.get(log)
            if topic is not None:
                topic.add_caption(caption)

    def deliver_call(self, call_id: str) -> None:
        """Call the callbacks for a call that has ended or whose agent was replaced."""
        for listener in self._call_listeners:
            listener(call_id)

    def on_call_hint(self, listener: Callable[[str], None]) -> None:
        """Register a callback for calls that end or whose agent is replaced. It gets the call's id."""
        self._call_listeners.append(listener)

    @staticmethod
    def _deliver_to_feed(feed: Topic, commit: Committed, entries: list[WireEntry]) -> None:
        feed.captions.seal(commit.sealed)
        if commit.deleted:
            feed.captions.forget(commit.conversation_id)
            feed.states.forget(commit.conversation_id)
        elif commit.changed:
            feed.mark_changed([commit.conversation_id])
        placed = [
            entry._replace(position=added.feed_position)
            for entry, added in zip(entries, commit.entries, strict=True)
        ]
        if commit.deleted and commit.feed_head:
            placed.append(deletion(commit.feed_head, commit.conversation_id))
        if placed and placed[0].position and placed[-1].position == commit.feed_head:
            feed.add_committed(placed, head=commit.feed_head)
        feed.advance(commit.feed_head)

    # Subscriptions

    @contextmanager
    def listen(
        self, log: LogId, customer_id: str, *, wants_captions: bool = False, wants_states: bool = False
    ) -> Iterator[Listener]:
        """Subscribe to one log until the block ends."""
        topic = self._topics.get(log)
        if topic is None:
            topic = self._topics[log] = Topic(log, customer_id, self._cache)
            if self.relay is not None:
                self.relay.follow(customer_id)
        listener = Listener(topic, wants_captions=wants_captions, wants_states=wants_states)
        topic.listeners.add(listener)
        if wants_states:
            topic.mark_all_changed()  # states aren't kept current while no watcher wants them
        try:
            yield listener
        finally:
            topic.listeners.discard(listener)
            if not topic.listeners and self._topics.get(log) is topic:
                del self._topics[log]

    def watched(self, kind: LogKind) -> Mapping[str, Topic]:
        """Return the topics of all watched logs of one kind, by the log's id."""
        return {log.id: topic for log, topic in self._topics.items() if log.kind is kind}

    def wake_all(self) -> None:
        """Wake all watchers of the process."""
        for topic in list(self._topics.values()):
            topic.wake()
