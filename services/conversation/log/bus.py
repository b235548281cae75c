"""The bus that announces commits, live captions and changed calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from readback.conversation.v1 import entry_pb2

from services.conversation.model.entries import LogEntry


@dataclass(frozen=True, slots=True)
class Committed:
    """The effect of one durable commit on one conversation."""

    customer_id: str
    conversation_id: str
    head: int
    """Number of the conversation's last entry."""
    feed_head: int = 0
    """Last position that this commit took in the customer's feed; 0 when unknown."""
    entries: Sequence[LogEntry] = ()
    """The added entries in order, up to `head`; empty when only the heads are known."""
    sealed: Sequence[str] = ()
    """Ids of utterances that are no longer open."""
    ended: bool = False
    """The conversation has ended and takes no more entries."""
    deleted: bool = False
    """The conversation is gone."""


class Bus(Protocol):
    """Announces changes to watchers on all replicas. No method blocks.

    Announcements are hints: they may be lost or arrive late. The database is the truth.
    """

    def committed(self, commit: Committed) -> None:
        """Announce a commit.

        Call it after the commit, once for each conversation, in the order of the commits.
        """
        ...

    def spoken(self, customer_id: str, conversation_id: str, speech: entry_pb2.OpenUtterance) -> None:
        """Announce the text of an open utterance, after it was stored."""
        ...

    def hint_call(self, call_id: str) -> None:
        """Announce to every replica that a call ended or changed hands; its holder should check the call."""
        ...
