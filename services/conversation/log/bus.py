"""The bus that announces commits to watchers, and what it announces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from readback.conversation.v1 import entry_pb2

from services.conversation.model.records import StoredEntry


@dataclass(frozen=True, slots=True)
class Committed:
    """What one commit did to one conversation, said once it is durable."""

    customer_id: str
    conversation_id: str
    head: int
    """Number of the conversation's last entry."""
    feed_head: int = 0
    """Position in the customer's feed of the last of what was committed here; 0 when it is not known."""
    entries: Sequence[StoredEntry] = ()
    """The entries that were added, in order, up to `head`; none when only the heads are known."""
    sealed: Sequence[str] = ()
    """Utterances that are no longer open."""
    ended: bool = False
    """The conversation has ended: nothing will be added."""
    deleted: bool = False
    """The conversation is gone."""


class Bus(Protocol):
    """Tells watchers of a commit, wherever they are. A hint: it may be lost or come late, the table is the truth. Nothing here waits."""

    def committed(self, commit: Committed) -> None:
        """Says what was stored. To be called after the commit, once for each conversation, in the order of the commits."""
        ...

    def spoken(self, customer_id: str, conversation_id: str, speech: entry_pb2.OpenUtterance) -> None:
        """Passes live text of an open utterance on, after it was stored."""
        ...

    def hint_call(self, call_id: str) -> None:
        """Says, to every replica, that a call ended or changed hands: whoever holds it should look."""
        ...
