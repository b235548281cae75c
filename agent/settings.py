"""Settings of the voice agent."""

from __future__ import annotations

import os

from pydantic import Field

from mesh.settings import MeshSettings


def _calls_by_cores() -> int:
    return max(2, 2 * (os.cpu_count() or 1))


class AgentSettings(MeshSettings):
    """What a voice-agent worker needs to know beside what every member does."""

    agent_name: str = Field("readback", min_length=1)
    """Name under which the agent's workers register with LiveKit."""
    agent_max_calls: int = Field(default_factory=_calls_by_cores, ge=1, le=1000)
    """Calls that one worker holds at a time; two a core unless set (a call takes about a third of a core while somebody speaks)."""
    agent_idle_processes: int = Field(1, ge=0, le=16)
    """Processes kept warm for the next calls; each holds the speech models, some 300 MB."""
    caller_patience_seconds: float = Field(30.0, ge=1, le=600)
    """How long the agent waits for a caller who dropped out without hanging up."""
