"""Settings of the conversation service."""

from __future__ import annotations

from pydantic import Field

from mesh.settings import MeshSettings
from services.conversation.calls.customer_limits import CustomerLimits


class ConversationSettings(MeshSettings):
    """Settings of the conversation service, in addition to the settings that all services share."""

    conversation_database_url: str = ""
    """Async SQLAlchemy URL of the conversation database; a SQLite file in READBACK_HOME if empty."""
    livekit_public_url: str = ""
    """Address (`ws://` or `wss://`) at which callers reach the LiveKit server; LIVEKIT_URL if empty."""
    agent_name: str = Field(default="readback", min_length=1)
    """Name under which the agent's workers register with LiveKit."""
    conversation_poll_seconds: float = Field(default=1.0, gt=0, le=60)
    """Seconds between two polls of the database for new entries, in case wake-ups were lost. With several
    replicas and no Redis, entries written by another replica reach a watcher with up to this delay."""
    watcher_patience_seconds: float = Field(default=30.0, gt=0, le=600)
    """Seconds that a message may wait until the watcher reads it. After that, the watch is ended."""
    conversation_calls_per_customer: int = Field(default=1, ge=1, le=1000)
    """Most running calls of one customer. With more than one, a customer can take several agents."""
    conversation_starts_per_minute: int = Field(default=10, ge=1, le=100_000)
    """Conversations, and calls, that one customer may start in a minute."""
    conversation_watches_per_customer: int = Field(default=64, ge=1, le=100_000)
    """Most open watches of one customer."""
    conversation_slow_requests_per_customer: int = Field(default=32, ge=1, le=1000)
    """Most searches, exports, deletions and lists of entries of one customer that run or wait. They take
    turns."""

    @property
    def database_url(self) -> str:
        """Async SQLAlchemy URL of the conversation database."""
        return self.conversation_database_url or f"sqlite+aiosqlite:///{self.home / 'conversation.sqlite3'}"

    @property
    def customer_limits(self) -> CustomerLimits:
        """Limits of each customer."""
        return CustomerLimits(
            running_calls=self.conversation_calls_per_customer,
            starts_per_minute=self.conversation_starts_per_minute,
            watches=self.conversation_watches_per_customer,
            slow_requests=self.conversation_slow_requests_per_customer,
        )

    @property
    def callers_livekit_url(self) -> str:
        """Address at which callers reach the LiveKit server."""
        return self.livekit_public_url or self.livekit_url
