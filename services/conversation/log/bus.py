"""The bus that announces commits, live captions and changed calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from services.conversation.model.entries import LogEntry


@dataclass(frozen=True, slots=True)
class Committed:
    """The effect of one durable commit on one conversation."""

    customer_id: str
    conversation_id: str
    head: int
    """Number of the conversation's last entry."""
    feed_head: int = 0
    """Last position that this commit added to the customer's feed; 0 if it added none."""
    entries: Sequence[LogEntry] = ()
    """The added entries in order, up to `head`; empty if they must be read from the store."""
    sealed: Sequence[str] = ()
    """Ids of the utterances that this commit closed."""
    ended: bool = False
    """True if the conversation has ended; it accepts no more entries."""
    deleted: bool = False
    """True if the conversation was deleted."""
    changed: bool = False
    """True if the conversation's title, state or running call has changed, or if the conversation is new."""


class Bus(Protocol):
    """Announcements of changes to the watchers on all replicas. No method blocks.

    An announcement is only a hint, because it may be lost or arrive late. The database is authoritative.
    """

    def committed(self, commit: Committed) -> None:
        """Announce a commit.

        Call it after the commit, once for each conversation, in the order of the commits.
        """
        ...

    def spoken(self, customer_id: str, conversation_id: str, speech: call_record.OpenUtterance) -> None:
        """Announce the text of an open utterance. Call it after the text is stored."""
        ...

    def hint_call(self, call_id: str) -> None:
        """Announce to every replica that a call has ended or that its agent was replaced.

        The replica that holds the call then checks it.
        """
        ...
