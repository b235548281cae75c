"""Finished tool calls for the web app: the messages of the log, in protobuf's JSON."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from google.protobuf.json_format import ParseDict
from readback.conversation.v1 import entry_pb2

from agent.call.tool_messages import TOPIC_TOOLS, ToolPublisher

pytestmark = pytest.mark.unit

CALL = entry_pb2.ToolCall(tool_call_id="id", name="search_flights")
CALL.search_flights.legs.add(origin="MAA")
RESULT = entry_pb2.ToolResult(tool_call_id="id", name="search_flights", outcome=entry_pb2.TOOL_OUTCOME_EMPTY)


def publisher(send_text: Any) -> ToolPublisher:
    room = SimpleNamespace(local_participant=SimpleNamespace(send_text=send_text))
    return ToolPublisher(cast("Any", room))


async def test_a_message_has_the_call_and_the_result_that_the_log_has() -> None:
    sent: list[tuple[str, dict[str, Any]]] = []

    async def send_text(text: str, *, topic: str) -> None:
        sent.append((topic, json.loads(text)))

    await publisher(send_text).publish(CALL, RESULT)
    ((topic, message),) = sent
    assert topic == TOPIC_TOOLS
    assert ParseDict(message["tool_call"], entry_pb2.ToolCall()) == CALL
    assert ParseDict(message["tool_result"], entry_pb2.ToolResult()) == RESULT
    assert message["tool_call"]["tool_call_id"] == "id", "field names are the contract's"


@pytest.mark.parametrize("how", ["hangs", "fails"])
async def test_an_answer_does_not_wait_for_a_message_that_can_not_be_sent(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def send_text(*_: Any, **__: Any) -> None:
        if how == "fails":
            raise ValueError("broken")
        await asyncio.Event().wait()

    monkeypatch.setattr("agent.call.tool_messages._SEND_WITHIN_S", 0.01)
    async with asyncio.timeout(5):
        await publisher(send_text).publish(CALL, RESULT)
