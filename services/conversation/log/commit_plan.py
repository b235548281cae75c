"""The plan of one transaction on one customer's logs.

A plan is built in memory. Then its changes are written, adopted into the cached state, and announced.
"""

from __future__ import annotations

from services.conversation.errors import CallNotFound, ConversationNotFound
from services.conversation.log.bus import Bus, Committed
from services.conversation.log.tail import Tail
from services.conversation.model.feeds import FeedBuilder
from services.conversation.model.log_state import Changes, CustomerState
from services.conversation.model.records import Call


class CommitPlan:
    """One customer's part of a transaction. `now` is its commit time, in microseconds since 1970."""

    def __init__(self, state: CustomerState, now: int) -> None:
        self.state = state
        self._now = now
        self._tails: dict[str, Tail] = {}
        self._feed = FeedBuilder(state.feed, state.last_run)

    def call(self, call_id: str) -> Call:
        """Return one of the customer's calls.

        Raises:
            CallNotFound: the customer has no such call.
        """
        call = self.state.calls.get(call_id)
        if call is None:
            raise CallNotFound
        return call

    def tail(self, conversation_id: str) -> Tail:
        """Return the tail of a conversation's log.

        Raises:
            ConversationNotFound: the customer has no such conversation.
        """
        tail = self._tails.get(conversation_id)
        if tail is None:
            log = self.state.logs.get(conversation_id)
            if log is None:
                raise ConversationNotFound
            tail = self._tails[conversation_id] = Tail(log, self._now)
        return tail

    def changes(self) -> Changes:
        """Return the changes to write.

        Call it only once, after the last append is planned, because it assigns feed positions to the entries.
        """
        changes = Changes(self.state.customer_id, self.state.feed.version, 0)
        for conversation_id, tail in self._tails.items():
            tail.write_into(changes)
            if tail.added:
                count = len(tail.added)
                first = self._feed.add(conversation_id, tail.head - count + 1, count)
                for position, entry in enumerate(tail.added, first):
                    entry.feed_position = position
        changes.last_position = self._feed.last_position
        changes.runs = self._feed.changed()
        return changes

    def adopt(self) -> None:
        """Update the customer's state. Call it after the changes are durable."""
        for tail in self._tails.values():
            tail.adopt()
        self.state.feed, self.state.last_run = self._feed.end, self._feed.last_run

    def announce(self, bus: Bus) -> None:
        """Announce the commit on the bus. Call it after the commit, never before."""
        customer_id = self.state.customer_id
        for conversation_id, tail in self._tails.items():
            bus.committed(
                Committed(
                    customer_id=customer_id,
                    conversation_id=conversation_id,
                    head=tail.head,
                    feed_head=tail.added[-1].feed_position if tail.added else 0,
                    entries=tail.added,
                    sealed=tail.closed,
                    ended=tail.ended,
                    changed=tail.changed,
                )
            )
            for speech in tail.revised:
                bus.spoken(customer_id, conversation_id, speech)
