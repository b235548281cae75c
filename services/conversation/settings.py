"""Settings of the conversation service."""

from __future__ import annotations

from pydantic import Field

from mesh.settings import MeshSettings


class ConversationSettings(MeshSettings):
    """Settings of the conversation service, in addition to those of every service."""

    conversation_database_url: str = ""
    """Async SQLAlchemy URL of the log's database; a SQLite file in READBACK_HOME when empty."""
    livekit_public_url: str = ""
    """Address of the LiveKit server for callers (`ws://` or `wss://`); LIVEKIT_URL when empty."""
    agent_name: str = Field(default="readback", min_length=1)
    """Name with which the agent's workers register at LiveKit."""
    conversation_poll_seconds: float = Field(default=1.0, gt=0, le=60)
    """Interval at which a replica polls the database for new entries, in case wake-ups got lost. With several
    replicas and no Redis, entries from another replica reach a watcher this late."""
    watcher_patience_seconds: float = Field(default=30.0, gt=0, le=600)
    """Time for a watcher to read a message before the watch ends."""

    @property
    def database_url(self) -> str:
        """URL of the log's database."""
        return self.conversation_database_url or f"sqlite+aiosqlite:///{self.home / 'conversation.sqlite3'}"

    @property
    def callers_livekit_url(self) -> str:
        """Address of the LiveKit server for callers."""
        return self.livekit_public_url or self.livekit_url
