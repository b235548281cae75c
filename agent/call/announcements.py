"""What the caller's page is told beside the captions: uses of tools, and flights to show as cards."""

import json
from collections.abc import Mapping
from typing import Any

import structlog
from livekit import rtc

TOPIC_TOOLS = "readback.tools"
"""One JSON object a use of a tool: `{"tool_call_id", "name", "arguments", "outcome"}`."""

TOPIC_FLIGHTS = "readback.flights"
"""One JSON object a search: `{"tool_call_id", "outcome", "sample", "query", "flights"}`."""

_log = structlog.get_logger(__name__)


class Announcements:
    """Tells everybody in a room."""

    def __init__(self, room: rtc.Room) -> None:
        self._room = room

    async def tool(self, tool_call_id: str, name: str, arguments: Mapping[str, Any], outcome: str) -> None:
        """A tool was used."""
        await self._tell(
            TOPIC_TOOLS,
            {"tool_call_id": tool_call_id, "name": name, "arguments": dict(arguments), "outcome": outcome},
        )

    async def flights(self, card: Mapping[str, Any]) -> None:
        """Flights to be seen while the agent speaks of them."""
        await self._tell(TOPIC_FLIGHTS, card)

    async def _tell(self, topic: str, message: Mapping[str, Any]) -> None:
        try:
            await self._room.local_participant.send_text(json.dumps(message, ensure_ascii=False), topic=topic)
        except (ConnectionError, RuntimeError) as error:
            _log.info("announcement not sent", topic=topic, error=str(error))
