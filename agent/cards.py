"""Flight cards: what the caller's page shows while the agent speaks of it."""

from collections.abc import Mapping
from typing import Any

from agent.dialogue.events import ToolFinished


def flights_card(finished: ToolFinished) -> Mapping[str, Any] | None:
    return None
