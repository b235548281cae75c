"""What one transaction is to do to one customer's logs, worked out in memory, then written, then adopted and announced."""

from __future__ import annotations

from services.conversation.errors import CallNotFound, ConversationNotFound
from services.conversation.log.bus import Bus, Committed
from services.conversation.log.feeds import GrowingFeed
from services.conversation.log.states import CustomerState
from services.conversation.log.tail import Tail
from services.conversation.model.changes import Changes
from services.conversation.model.records import Call


class CommitPlan:
    """A customer's part of a transaction."""

    def __init__(self, state: CustomerState, now: int) -> None:
        self.state = state
        self._now = now
        self._tails: dict[str, Tail] = {}
        self._feed = GrowingFeed(state.feed, state.run)
        self._positions: dict[str, int] = {}

    def call(self, call_id: str) -> Call:
        """A call of the customer's.

        Raises:
            CallNotFound: there is no such call.
        """
        call = self.state.calls.get(call_id)
        if call is None:
            raise CallNotFound
        return call

    def tail(self, conversation_id: str) -> Tail:
        """The end of a conversation's log.

        Raises:
            ConversationNotFound: there is no such conversation.
        """
        tail = self._tails.get(conversation_id)
        if tail is None:
            log = self.state.logs.get(conversation_id)
            if log is None:
                raise ConversationNotFound
            tail = self._tails[conversation_id] = Tail(log, self._now)
        return tail

    def changes(self) -> Changes:
        """What to write. Gives out the feed's positions, so it is to be called once, when all is gathered."""
        changes = Changes(self.state.customer_id, self.state.feed.version, 0)
        for conversation_id, tail in self._tails.items():
            tail.write_into(changes)
            if tail.added:
                self._positions[conversation_id] = self._feed.add(
                    conversation_id, tail.head - tail.added + 1, tail.added
                )
        changes.last_position = self._feed.last_position
        changes.runs = list(self._feed.runs.values())
        return changes

    def adopt(self) -> None:
        """Makes what is durable now what is known."""
        for tail in self._tails.values():
            tail.adopt()
        self.state.feed, self.state.run = self._feed.end, self._feed.run

    def announce(self, bus: Bus) -> None:
        """Tells the bus. To be called after the commit, never before."""
        for conversation_id, tail in self._tails.items():
            position = self._positions.get(conversation_id, 0)
            bus.committed(
                Committed(
                    customer_id=self.state.customer_id,
                    conversation_id=conversation_id,
                    head=tail.head,
                    feed_head=position + tail.added - 1 if position else 0,
                    entries=tail.entries(position),
                    sealed=tail.closed,
                    ended=tail.ended,
                )
            )
            for speech in tail.spoken:
                bus.spoken(self.state.customer_id, conversation_id, speech)
