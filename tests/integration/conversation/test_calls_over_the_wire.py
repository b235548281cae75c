"""Conversations and calls as their callers see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb

from mesh.ids import uuid7

if TYPE_CHECKING:
    from tests.integration.conversation.conftest import Mesh

pytestmark = pytest.mark.integration


async def test_started_call_can_be_joined_though_livekit_is_down(mesh: Mesh) -> None:
    customer = await mesh.customer()
    conversation_id = await customer.conversation()
    started = await customer.stub.StartCall(pb.StartCallRequest(conversation_id=conversation_id, time_zone="Asia/Kolkata"))
    assert started.call.state == pb.CALL_STATE_DISPATCHED
    assert started.call.epoch == 1
    assert started.access.livekit_token


async def test_same_request_id_starts_one_conversation(mesh: Mesh) -> None:
    customer = await mesh.customer()
    request = pb.StartConversationRequest(request_id=uuid7(), locale="en-IN")
    first = await customer.stub.StartConversation(request)
    assert await customer.stub.StartConversation(request) == first
