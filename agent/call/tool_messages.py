"""Finished tool calls for everybody in the room, sent as JSON text streams.

A message has the log's `ToolCall` and `ToolResult` in protobuf's JSON, so the web app draws flights from it
in the same way as from the log:

    {"tool_call": {…}, "tool_result": {…}}
"""

from __future__ import annotations

import asyncio
import json

import structlog
from google.protobuf.json_format import MessageToDict
from livekit import rtc
from readback.conversation.v1 import entry_pb2

TOPIC_TOOLS = "readback.tools"
"""One JSON object per finished tool call."""
_SEND_WITHIN_S = 1.0
"""Maximum time to send a message. The answer that follows must not wait for a broken connection."""

_log = structlog.get_logger(__name__)


class ToolPublisher:
    """Sender of finished tool calls to all participants of a room. It drops a message that can't be sent."""

    def __init__(self, room: rtc.Room) -> None:
        self._room = room

    async def publish(self, call: entry_pb2.ToolCall, result: entry_pb2.ToolResult) -> None:
        """Send a finished tool call."""
        message = {
            "tool_call": MessageToDict(call, preserving_proto_field_name=True),
            "tool_result": MessageToDict(result, preserving_proto_field_name=True),
        }
        text = json.dumps(message, ensure_ascii=False)
        try:
            async with asyncio.timeout(_SEND_WITHIN_S):
                await self._room.local_participant.send_text(text, topic=TOPIC_TOOLS)
        except Exception as error:  # noqa: BLE001 - the answer must be spoken even if its card is lost
            _log.warning("room message not sent", topic=TOPIC_TOOLS, error=repr(error))
