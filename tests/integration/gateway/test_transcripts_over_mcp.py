"""Customers read their own conversations over MCP, and no others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator
from mcp.client import Client
from readback.conversation.v1 import conversation_service_pb2, entry_pb2
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from readback.flightdata.v1 import flight_status_pb2
from readback.identity.v1 import identity_service_pb2
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from mesh.calling.channel import open_channel
from mesh.ids import uuid7
from services.gateway.app import CONVERSATION, IDENTITY
from services.gateway.mcp.tool_results import count_tokens
from services.gateway.mcp.tools import tools_of
from tests.integration.gateway.conftest import Mesh, assistant

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

LINES = 30


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def conversation_id(mesh: Mesh) -> str:
    """A conversation of the customer: a question, a tool call with its result, and many answers."""

    async def own() -> str:
        return mesh.token

    async with open_channel(mesh.conversation_address, CONVERSATION, tokens=own) as channel:
        stub = ConversationServiceStub(channel)
        request = conversation_service_pb2.StartConversationRequest()
        conversation = (await stub.StartConversation(request)).conversation.conversation_id
        start = conversation_service_pb2.StartCallRequest(conversation_id=conversation)
        call = (await stub.StartCall(start)).call.call_id
    async with mesh.recorder(call) as recorder:
        recorder.seal(uuid7(), entry_pb2.SPEAKER_CUSTOMER, "is AI 542 on time")
        status = flight_status_pb2.GetFlightStatusRequest(flight_number="AI542")
        tool_call = entry_pb2.ToolCall(tool_call_id=uuid7(), name="flight_status", flight_status=status)
        recorder.tool_call(tool_call)
        result = entry_pb2.ToolResult(
            tool_call_id=tool_call.tool_call_id,
            name="flight_status",
            outcome=entry_pb2.TOOL_OUTCOME_FOUND,
            flight_status=flight_status_pb2.GetFlightStatusResponse(),
        )
        recorder.tool_result(result)
        for number in range(LINES):
            recorder.seal(uuid7(), entry_pb2.SPEAKER_AGENT, f"Answer {number}: it is on time. {'x' * 200}")
    return conversation


@asynccontextmanager
async def customer(mesh: Mesh) -> AsyncIterator[Client]:
    async with mesh.gateway(mcp_answer_tokens=1500) as url, assistant(url, mesh.token) as client:
        yield client


async def called(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    answer = (await client.call_tool(tool, arguments)).structured_content
    Draft202012Validator(dict(tools_of([CONVERSATION])[tool].output_schema)).validate(answer)
    assert isinstance(answer, dict)
    return answer


async def test_conversations_are_listed(mesh: Mesh, conversation_id: str) -> None:
    async with customer(mesh) as client:
        (listed,) = (await called(client, "list_conversations", answered_only="true"))["conversations"]
        assert listed["conversation_id"] == conversation_id
        assert listed["state"] == "active"


async def test_pages_of_a_transcript_fit_and_leave_nothing_out(mesh: Mesh, conversation_id: str) -> None:
    async with customer(mesh) as client:
        texts: list[str] = []
        pages, token = 0, ""
        while pages == 0 or token:
            asked = {"conversation_id": conversation_id, "page_token": token or None}
            page = await called(client, "read_transcript", **asked)
            assert count_tokens(page) <= 1500
            assert "omitted" not in page
            texts += [entry["utterance"]["text"] for entry in page["entries"] if "utterance" in entry]
            pages, token = pages + 1, page.get("next_page_token", "")
        assert pages > 1
        assert texts[0] == "is AI 542 on time"
        assert [text.partition(":")[0] for text in texts[1:]] == [
            f"Answer {number}" for number in range(LINES)
        ]


async def test_a_transcript_has_the_tools_arguments_and_outcome(mesh: Mesh, conversation_id: str) -> None:
    async with customer(mesh) as client:
        asked = {"conversation_id": conversation_id, "filter": {"kinds": ["tool_call", "tool_result"]}}
        call, result = (await called(client, "read_transcript", **asked))["entries"]
        assert call["tool_call"]["flight_status"] == {"flight_number": "AI542"}
        assert result["tool_result"]["outcome"] == "found"
        assert "flight_status" not in result["tool_result"]


async def test_words_are_found(mesh: Mesh, conversation_id: str) -> None:
    async with customer(mesh) as client:
        said = {"speakers": ["customer"]}
        (found,) = (await called(client, "search_transcripts", query="AI 542", filter=said))["results"]
        assert found["entry"]["conversation_id"] == conversation_id
        assert found["entry"]["utterance"]["text"] == "is AI 542 on time"


async def test_another_customer_and_a_caller_without_a_token_read_nothing(
    mesh: Mesh, conversation_id: str
) -> None:
    async with open_channel(mesh.identity_address, IDENTITY) as channel:
        account = identity_service_pb2.RegisterRequest(
            email="eve@example.com", password="a short walk in the rain", display_name="Eve"
        )
        token = (await IdentityServiceStub(channel).Register(account)).tokens.access_token
    async with mesh.gateway() as url:
        async with assistant(url, token) as eve:
            assert "conversations" not in await called(eve, "list_conversations")
            assert "results" not in await called(eve, "search_transcripts", query="time")
            refused = await called(eve, "read_transcript", conversation_id=conversation_id)
            assert refused["error"]["reason"] == "CONVERSATION_NOT_FOUND"
        async with assistant(url) as stranger:
            refused = await called(stranger, "read_transcript", conversation_id=conversation_id)
            assert refused["error"]["reason"] == "UNAUTHENTICATED"


async def test_a_missing_conversation_id_is_named(mesh: Mesh) -> None:
    async with customer(mesh) as client:
        refused = await called(client, "read_transcript", conversation_id="")
        assert list(refused["error"]["fields"]) == ["conversation_id"]
