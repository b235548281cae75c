"""Rows of the database as dataclasses. Times are UTC, ids are UUIDv7 text, digests are SHA-256."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Customer:
    """A person with an account."""

    customer_id: str
    email: str
    """As typed at registration. `customers.canonical_email` returns the form for comparisons."""
    display_name: str
    locale: str
    """BCP 47 tag."""
    password_hash: str = field(repr=False)
    """Versioned; see `password_hashing`."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """A customer's session, from signing in until it ends or expires."""

    session_id: str
    customer_id: str
    created_at: datetime
    expires_at: datetime
    """Fixed when the session is opened; refreshing doesn't extend it."""
    ended_at: datetime | None = None
    source: bytes | None = None
    """Keyed digest of the customer and the network address that signed in; None if that is unknown."""
    client: str = ""
    """Name that the client gave itself at signing in; may be empty."""
    refreshed_at: datetime | None = None
    """Time of the last refresh; None before the first."""

    def is_live(self, now: datetime) -> bool:
        """Return whether the session can be used."""
        return self.ended_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token of a session."""

    digest: bytes
    session_id: str
    parent: bytes | None
    """Digest of the refresh token that this one replaced; None for the session's first."""
    created_at: datetime
    spent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """A customer's permission for voice agents to act in one call."""

    digest: bytes
    customer_id: str
    session_id: str
    conversation_id: str
    call_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class FailedAttempts:
    """Failed sign-ins since the last success, on an account from one source or from all."""

    count: int
    last_at: datetime
