"""Tool calls and search results for the web app, sent as JSON text streams in the room.

A search result, on `TOPIC_FLIGHTS`:

    {"tool_call_id", "name": "search_flights", "outcome", "arguments": {…}, "result": {…}}

`arguments` and `result` are those of the log's `ToolCall` and `ToolResult`, so the web app builds the same
flight cards from a message during the call and from the log later.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import structlog
from livekit import rtc

from agent.dialogue.turn import ToolFinished, ToolStarted

TOPIC_TOOLS = "readback.tools"
"""One JSON object per tool call: `{"tool_call_id", "name", "arguments", "outcome"}`."""
TOPIC_FLIGHTS = "readback.flights"
"""One JSON object per search."""
_SEND_WITHIN_S = 1.0
"""Maximum time to send a message. The answer that follows must not wait for a broken connection."""

_log = structlog.get_logger(__name__)


class RoomPublisher:
    """Sender of tool calls and search results to all participants of a room.

    It drops a message that can't be sent.
    """

    def __init__(self, room: rtc.Room) -> None:
        self._room = room

    async def tool_used(self, started: ToolStarted, outcome: str) -> None:
        """Publish a finished tool call."""
        message = {
            "tool_call_id": started.tool_call_id,
            "name": started.name,
            "arguments": dict(started.arguments),
            "outcome": outcome,
        }
        await self._send(TOPIC_TOOLS, message)

    async def flights_found(self, card: Mapping[str, Any]) -> None:
        """Publish a search result."""
        await self._send(TOPIC_FLIGHTS, card)

    async def _send(self, topic: str, message: Mapping[str, Any]) -> None:
        text = json.dumps(message, ensure_ascii=False)
        try:
            async with asyncio.timeout(_SEND_WITHIN_S):
                await self._room.local_participant.send_text(text, topic=topic)
        except Exception as error:  # noqa: BLE001 - the answer must be spoken even if its card is lost
            _log.warning("room message not sent", topic=topic, error=repr(error))


def flights_card(started: ToolStarted, finished: ToolFinished) -> Mapping[str, Any] | None:
    """Return the message with a finished search's result, or None for any other tool."""
    if finished.name != "search_flights":
        return None
    return {
        "tool_call_id": finished.tool_call_id,
        "name": finished.name,
        "outcome": finished.outcome,
        "arguments": dict(started.arguments),
        "result": finished.result,
    }
