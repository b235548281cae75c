"""Settings of the voice agent."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field

from agent.call_waits import CallWaits
from mesh.settings import MeshSettings


def _two_calls_per_core() -> int:
    return max(2, 2 * (os.cpu_count() or 1))


class AgentSettings(MeshSettings):
    """Settings of a voice-agent worker, in addition to those of every service."""

    agent_name: str = Field("readback", min_length=1)
    """Name under which the agent's workers register with LiveKit."""
    agent_max_calls: int = Field(default_factory=_two_calls_per_core, ge=1, le=1000)
    """Maximum number of simultaneous calls on one worker. The default is two per core: a call uses about a
    third of a core while the caller or the agent speaks."""
    agent_idle_processes: int = Field(1, ge=0, le=16)
    """Idle processes kept ready for the next calls. Each has the speech models loaded, about 300 MB."""
    caller_patience_seconds: float = Field(30.0, ge=1, le=600)
    """Seconds that the agent waits for a caller whose connection was lost, before it ends the call."""
    first_audio_seconds: float = Field(5.0, ge=1, le=60)
    """Seconds in which an answer must become audible. Otherwise it is shown as text and spoken again."""
    silence_question_seconds: float = Field(20.0, ge=1, le=3600)
    """Seconds without words or typing of the caller, after which the agent asks whether they are there."""
    silence_end_seconds: float = Field(90.0, ge=1, le=3600)
    """Seconds of silence after that question, after which the agent says goodbye and ends the call."""

    @property
    def call_waits(self) -> CallWaits:
        """The waits of a call."""
        return CallWaits(
            caller_back=self.caller_patience_seconds,
            first_audio=self.first_audio_seconds,
            silence_question=self.silence_question_seconds,
            silence_end=self.silence_end_seconds,
        )

    @property
    def outbox_folder(self) -> Path:
        """Folder for the unacknowledged drafts of all agents that use this `home`.

        It must be on a local disk, because file locks on it show which agents are alive.
        """
        return self.home / "outbox"
