"""Interfaces of the room server and of the service that issues grants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.conversation.model.records import Call


class RoomsUnavailable(Exception):
    """The room server can't be reached now, or answered with an error. The state of the rooms is unknown."""


class GrantsUnavailable(Exception):
    """A grant can't be revoked now."""


@dataclass(frozen=True, slots=True)
class Participant:
    """Participant in a room."""

    identity: str
    is_agent: bool


@dataclass(frozen=True, slots=True)
class Access:
    """A caller's access to a room."""

    url: str
    token: str
    expire_time: datetime

    def __repr__(self) -> str:
        return f"Access({self.url}, expires {self.expire_time:%H:%M:%S})"


class Rooms(Protocol):
    """Room server. Every method except `admit` raises `RoomsUnavailable` if the server can't be reached."""

    def admit(self, call: Call) -> Access:
        """Return a token to join the call's room. The token can't create the room."""
        ...

    async def create(self, call: Call) -> None:
        """Create the call's room, if it doesn't exist. Dispatch an agent to a new room."""
        ...

    async def participants(self, room: str) -> Sequence[Participant]:
        """Return the participants of a room; empty if there is no such room."""
        ...

    async def dispatch_agent(self, call: Call) -> None:
        """Dispatch an agent with the call's epoch."""
        ...

    async def remove(self, room: str, identity: str) -> None:
        """Remove a participant from a room, if present."""
        ...

    async def close(self, room: str) -> None:
        """Close a room, if it exists, and disconnect its participants."""
        ...


class Grants(Protocol):
    """Grants that let agents act for a customer in one call."""

    async def grant(self, customer_token: str, conversation_id: str, call_id: str) -> str:
        """Return a grant for one call, issued on behalf of the customer that `customer_token` belongs to."""
        ...

    async def revoke(self, call_id: str) -> None:
        """Revoke the grant of a call, if it has one; raise `GrantsUnavailable` if that fails."""
        ...
