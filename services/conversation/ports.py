"""What the core needs from outside: rooms to speak in, grants to act under, and a bus that wakes who waits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from readback.conversation.v1 import entry_pb2

from services.conversation.records import Call


class RoomsUnavailable(Exception):
    """The room server can't be asked just now, so nothing is known about any room."""


class GrantsUnavailable(Exception):
    """A grant can't be revoked just now."""


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


class Subscription(Protocol):
    """One watcher's ear on the bus. It holds no entries, only what is new about one conversation."""

    @property
    def head(self) -> int:
        """The highest entry number heard of."""
        ...

    def offer(self, speech: entry_pb2.OpenUtterance) -> None:
        """Leaves live text to be taken; a later revision takes the place of an earlier one."""
        ...

    def take_live(self) -> list[entry_pb2.OpenUtterance]:
        """The live text that came since it was last taken."""
        ...

    async def woken(self) -> None:
        """Returns when something came since it last returned."""
        ...


class Bus(Protocol):
    """Wakes watchers after a commit. A hint: it may be lost, the table is the truth."""

    def committed(self, conversation_id: str, head: int, sealed: Iterable[str]) -> None:
        """Says that entries up to `head` are stored, and which utterances are no longer open."""
        ...

    def spoken(self, conversation_id: str, speech: entry_pb2.OpenUtterance) -> None:
        """Passes live text of an open utterance on, after it was stored."""
        ...

    def listen(self, conversation_id: str) -> AbstractContextManager[Subscription]:
        """Hears of one conversation until the block ends."""
        ...

    def watched(self) -> Sequence[str]:
        """Conversations that somebody listens to."""
        ...

    def wake_all(self) -> None:
        """Wakes everybody, for reasons that are not in the log."""
        ...
