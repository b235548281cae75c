"""What identity remembers, as the domain sees it. Instants are UTC, ids UUIDv7 text, digests SHA-256."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Customer:
    """A person with an account."""

    customer_id: str
    email: str
    """As typed at registration; compared by `customers.canonical`."""
    display_name: str
    locale: str
    """BCP 47 tag."""
    password_hash: str = field(repr=False)
    """Versioned, see `passwords`."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in. All refresh tokens that descend from it are its family."""

    session_id: str
    customer_id: str
    created_at: datetime
    expires_at: datetime
    """The end for good, however often the session is refreshed."""
    ended_at: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        """Whether the session can still be used."""
        return self.ended_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One link in a session's chain of refresh tokens."""

    digest: bytes
    session_id: str
    parent: bytes | None
    """Digest of the token this one was exchanged for; None for the first."""
    created_at: datetime
    spent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """A customer's leave for voice agents to act in one call."""

    digest: bytes
    customer_id: str
    session_id: str
    conversation_id: str
    call_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class FailedAttempts:
    """An account's run of attempts that have not succeeded."""

    count: int
    last_at: datetime
