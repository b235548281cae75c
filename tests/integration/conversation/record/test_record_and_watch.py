"""A watcher reads what an agent recorded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from services.conversation.client.recorder import Recorder
from services.conversation.client.watcher import watch

if TYPE_CHECKING:
    from tests.integration.conversation.mesh import Mesh

pytestmark = pytest.mark.integration

AGENT, CUSTOMER = entry_pb2.SPEAKER_AGENT, entry_pb2.SPEAKER_CUSTOMER


async def test_watcher_reads_what_the_recorder_wrote_in_order(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    hello, question = str(uuid4()), str(uuid4())
    tool_call = entry_pb2.ToolCall(tool_call_id=str(uuid4()), name="search_flights")
    tool_call.search_flights.legs.add(
        origin="no airport"
    )  # the log has what was asked, whether it is valid or not
    tool_result = entry_pb2.ToolResult(tool_call_id=tool_call.tool_call_id, name="search_flights")
    tool_result.outcome = entry_pb2.TOOL_OUTCOME_FOUND
    tool_result.search_flights.results.itineraries.add().segments.add(flight_number="AI542")
    async with Recorder(await mesh.agent_stub(), call.call_id, call.epoch) as recorder:
        assert recorder.opened.conversation_id == call.conversation_id
        assert recorder.opened.grant
        recorder.revise(hello, AGENT, "Hello")
        recorder.seal(hello, AGENT, "Hello, where to?")
        recorder.seal(question, CUSTOMER, "Show me flights from Chennai to Delhi")
        recorder.tool_call(tool_call)
        recorder.tool_result(tool_result)
        await recorder.flushed()
        await recorder.close(entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
    await customer.stub.EndConversation(
        pb.EndConversationRequest(conversation_id=call.conversation_id, request_id=str(uuid4()))
    )
    seen = []
    async with asyncio.timeout(10), watch(customer.stub, call.conversation_id, include_live=True) as events:
        async for event in events:
            seen.append(event)
    entries = [event.entry for event in seen if event.HasField("entry")]
    kinds = [entry.WhichOneof("content") for entry in entries]
    assert [entry.number for entry in entries] == list(range(1, 9))
    assert (
        kinds
        == ["state_change"] * 2 + ["utterance"] * 2 + ["tool_call", "tool_result"] + ["state_change"] * 2
    )
    assert entries[2].utterance.text == "Hello, where to?"
    assert entries[2].utterance.utterance_id == hello
    assert (entries[4].tool_call, entries[5].tool_result) == (tool_call, tool_result)
    assert entries[6].state_change.call_end_reason == entry_pb2.CALL_END_REASON_AGENT_HUNG_UP
    assert [entry.state_change.HasField("epoch") for entry in (*entries[:2], *entries[6:])] == [True] * 3 + [
        False
    ], "the end of a conversation is outside calls"
    assert seen[-1].end.reason == pb.WATCH_END_REASON_CONVERSATION_ENDED
    listed = await customer.stub.ListEntries(pb.ListEntriesRequest(conversation_id=call.conversation_id))
    assert list(listed.entries) == entries
    found = await customer.stub.GetConversation(
        pb.GetConversationRequest(conversation_id=call.conversation_id)
    )
    assert found.conversation.title == "Show me flights from Chennai to Delhi"
