"""What the core needs from outside: rooms to speak in and grants to act under."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.conversation.model.records import Call


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
