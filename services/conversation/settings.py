"""Settings of the conversation service."""

from __future__ import annotations

from pydantic import Field

from mesh.settings import MeshSettings


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

    @property
    def database_url(self) -> str:
        """Async SQLAlchemy URL of the conversation database."""
        return self.conversation_database_url or f"sqlite+aiosqlite:///{self.home / 'conversation.sqlite3'}"

    @property
    def callers_livekit_url(self) -> str:
        """Address at which callers reach the LiveKit server."""
        return self.livekit_public_url or self.livekit_url
