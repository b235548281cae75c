"""What the core needs from outside: rooms to speak in, grants to act under, and a bus that wakes who waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from readback.conversation.v1 import entry_pb2

from services.conversation.records import Call, StoredEntry


class RoomsUnavailable(Exception):
    """The room server can't be asked just now, so nothing is known about any room."""


class GrantsUnavailable(Exception):
    """A grant can't be revoked just now."""


class Reconnected(Exception):
    """The store was away and may be another server now, which never heard of the last commits: nothing that was read before still holds."""


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody in a room."""

    identity: str
    is_agent: bool


@dataclass(frozen=True, slots=True)
class Access:
    """How a caller joins a room."""

    url: str
    token: str
    expire_time: datetime

    def __repr__(self) -> str:
        return f"Access({self.url}, expires {self.expire_time:%H:%M:%S})"


class Rooms(Protocol):
    """The room server. Every method but `admit` raises `RoomsUnavailable` when it can't be reached."""

    def admit(self, call: Call) -> Access:
        """A token with which the caller joins the call's room; joining makes the room and asks for an agent of the call's epoch."""
        ...

    async def participants(self, room: str) -> Sequence[Participant]:
        """Who is in a room; nobody when there is no such room."""
        ...

    async def ask_for_agent(self, call: Call) -> None:
        """Dispatches an agent with the call's epoch."""
        ...

    async def remove(self, room: str, identity: str) -> None:
        """Puts somebody out of a room; fine when they are not there."""
        ...

    async def close(self, room: str) -> None:
        """Ends a room for everybody in it; fine when there is none."""
        ...


class Grants(Protocol):
    """The customer's leave for agents to act in a call."""

    async def grant(self, customer_token: str, conversation_id: str, call_id: str) -> str:
        """A grant for one call, in the name of the customer whose token this is."""
        ...

    async def revoke(self, call_id: str) -> None:
        """Ends the grant of a call; fine when it has none. Raises `GrantsUnavailable` when that can't be done now."""
        ...


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
