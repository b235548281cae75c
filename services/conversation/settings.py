"""Settings of the conversation service."""

from __future__ import annotations

from pydantic import Field

from mesh.settings import MeshSettings


class ConversationSettings(MeshSettings):
    """What the conversation service needs to know beside what every member does."""

    conversation_database_url: str = ""
    """Async SQLAlchemy URL of the log's database; a SQLite file in READBACK_HOME when empty."""
    livekit_public_url: str = ""
    """Address of the LiveKit server as callers reach it (`ws://` or `wss://`); LIVEKIT_URL when empty."""
    agent_name: str = Field(default="readback", min_length=1)
    """Name under which the agent's workers register with LiveKit."""
    conversation_poll_seconds: float = Field(default=1.0, gt=0, le=60)
    """How often a process asks the database what is new of what is watched, for wake-ups that got lost: with several replicas and no Redis
    this is how late a watcher hears of what another replica stored."""
    watcher_patience_seconds: float = Field(default=30.0, gt=0, le=600)
    """How long a message may wait for a watcher to read it before the watch is ended."""

    @property
    def database_url(self) -> str:
        """Where the log is kept."""
        return self.conversation_database_url or f"sqlite+aiosqlite:///{self.home / 'conversation.sqlite3'}"

    @property
    def callers_livekit_url(self) -> str:
        """The address that callers are given."""
        return self.livekit_public_url or self.livekit_url
