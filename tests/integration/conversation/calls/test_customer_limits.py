"""A customer has one running call, and limited rates, watches and slow requests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from mesh.errors import metadata_of, reason_of, retry_after_of
from mesh.ids import uuid7
from services.conversation.client.recorder import CallEnded, Recorder
from tests.integration.conversation.calls.test_calls_over_the_wire import refused
from tests.integration.conversation.mesh import Customer, Mesh

pytestmark = pytest.mark.integration


@pytest.fixture
async def limited(lone_mesh: Mesh) -> AsyncIterator[Mesh]:
    """The service with the default limit of running calls, and with small other limits."""
    async with lone_mesh.conversation(
        conversation_calls_per_customer=1,
        conversation_starts_per_minute=3,
        conversation_watches_per_customer=2,
        conversation_slow_requests_per_customer=1,
    ):
        yield lone_mesh


async def test_running_call_in_another_conversation_is_named(limited: Mesh) -> None:
    customer = await limited.customer()
    call, another = await customer.call(), await customer.conversation()
    error = await refused(customer.call(another))
    assert reason_of(error) == "CALL_RUNNING"
    assert metadata_of(error) == {"call_id": call.call_id, "conversation_id": call.conversation_id}
    assert (await customer.stub.RejoinCall(pb.RejoinCallRequest(call_id=call.call_id))).call == call


async def test_running_call_is_ended_if_asked(limited: Mesh) -> None:
    customer = await limited.customer()
    call, another = await customer.call(), await customer.conversation()
    async with Recorder(await limited.agent_stub(), call.call_id, 1) as agent:
        request = pb.StartCallRequest(conversation_id=another, end_running_call=True)
        assert (await customer.stub.StartCall(request)).call.conversation_id == another
        assert isinstance(await agent.over(), CallEnded)
    error = await refused(customer.stub.RejoinCall(pb.RejoinCallRequest(call_id=call.call_id)))
    assert metadata_of(error) == {"end_reason": "REPLACED"}


async def test_conversations_and_calls_have_a_rate(limited: Mesh) -> None:
    customer, other = await limited.customer(), await limited.customer()
    begun = [await customer.conversation() for _ in range(3)]
    error = await refused(customer.conversation())
    assert (error.code(), reason_of(error)) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "TOO_MANY_STARTS",
    )
    assert retry_after_of(error) is not None
    start = pb.StartCallRequest(conversation_id=begun[0], end_running_call=True)
    for _ in range(3):
        await customer.stub.StartCall(start)
    assert reason_of(await refused(customer.stub.StartCall(start))) == "TOO_MANY_STARTS"
    await other.call()


async def test_watches_are_limited(limited: Mesh) -> None:
    customer, other = await limited.customer(), await limited.customer()
    watches = [customer.stub.Watch(pb.WatchRequest()) for _ in range(2)]
    for watch in watches:
        await watch.read()
    error = await refused(customer.stub.Watch(pb.WatchRequest()).read())
    assert reason_of(error) == "OVERLOADED"
    await other.stub.Watch(pb.WatchRequest()).read()
    watches[0].cancel()

    async def watching() -> bool:
        try:
            await customer.stub.Watch(pb.WatchRequest()).read()
        except grpc.aio.AioRpcError:
            return False
        return True

    await limited.eventually(watching)


async def test_dispatch_is_current_until_the_next_or_the_end(limited: Mesh) -> None:
    customer, agents = await limited.customer(), await limited.agent_stub()
    call = await customer.call()
    await agents.CheckDispatch(call_record.CheckDispatchRequest(call_id=call.call_id, epoch=1))

    async def reason(call_id: str, epoch: int) -> str:
        request = call_record.CheckDispatchRequest(call_id=call_id, epoch=epoch)
        return reason_of(await refused(agents.CheckDispatch(request))) or ""

    assert await reason(call.call_id, 2) == "STALE_EPOCH"
    await customer.stub.EndCall(pb.EndCallRequest(call_id=call.call_id, request_id=uuid7()))
    assert await reason(call.call_id, 1) == "CALL_ENDED"
    assert await reason(uuid7(), 1) == "CALL_NOT_FOUND"


async def _listed(customer: Customer, *, answered_only: bool) -> list[str]:
    request = pb.ListConversationsRequest(answered_only=answered_only)
    found = await customer.stub.ListConversations(request)
    return [conversation.conversation_id for conversation in found.conversations]


async def test_conversation_without_an_agent_is_not_listed_as_answered(limited: Mesh) -> None:
    customer = await limited.customer()
    unanswered = await customer.call()
    await customer.stub.EndCall(pb.EndCallRequest(call_id=unanswered.call_id, request_id=uuid7()))
    ended = pb.EndConversationRequest(conversation_id=unanswered.conversation_id, request_id=uuid7())
    await customer.stub.EndConversation(ended)
    answered = await customer.call()
    async with Recorder(await limited.agent_stub(), answered.call_id, 1) as agent:
        await agent.close(entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
    assert await _listed(customer, answered_only=True) == [answered.conversation_id]
    assert len(await _listed(customer, answered_only=False)) == 2
