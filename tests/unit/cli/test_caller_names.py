"""The caller speaks LiveKit's agent protocol by the names that the agent's framework has."""

from __future__ import annotations

import pytest
from livekit.agents import types

from cli.calls import call_client

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "name",
    [
        "ATTRIBUTE_AGENT_STATE",
        "ATTRIBUTE_TRANSCRIPTION_FINAL",
        "ATTRIBUTE_TRANSCRIPTION_SEGMENT_ID",
        "TOPIC_CHAT",
        "TOPIC_TRANSCRIPTION",
    ],
)
def test_names_are_the_frameworks(name: str) -> None:
    assert getattr(call_client, name) == getattr(types, name)
