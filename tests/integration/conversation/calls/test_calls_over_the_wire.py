"""Conversations and calls over gRPC."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import grpc
import jwt
import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from readback.identity.v1 import identity_service_pb2

from mesh.errors import metadata_of, reason_of, violations_of
from mesh.ids import uuid7
from services.conversation.client.recorder import Recorder

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

    from tests.integration.conversation.mesh import Mesh

pytestmark = pytest.mark.integration


async def refused(answer: Awaitable[object]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await answer
    return caught.value


async def test_started_call_can_be_joined_though_livekit_is_down(mesh: Mesh) -> None:
    customer = await mesh.customer()
    conversation_id = await customer.conversation()
    started = await customer.stub.StartCall(
        pb.StartCallRequest(conversation_id=conversation_id, time_zone="Asia/Kolkata")
    )
    assert (started.call.state, started.call.epoch) == (pb.CALL_STATE_DISPATCHED, 1)
    claims: dict[str, Any] = jwt.decode(started.access.livekit_token, options={"verify_signature": False})
    assert claims["sub"].startswith("caller-")
    assert claims["video"]["room"] == f"call-{started.call.call_id}"
    assert claims["video"]["canPublishSources"] == ["microphone"]
    assert not {"roomAdmin", "roomCreate", "roomList", "canUpdateOwnMetadata"} & {
        key for key, value in claims["video"].items() if value
    }
    assert claims["exp"] - claims["nbf"] <= 600
    assert "roomConfig" not in claims, "the token dispatches no agent"


async def test_same_request_id_starts_one_conversation(mesh: Mesh) -> None:
    customer = await mesh.customer()
    request = pb.StartConversationRequest(request_id=uuid7(), locale="hi-IN")
    first = await customer.stub.StartConversation(request)
    assert first.conversation.locale == "hi-IN"
    assert await customer.stub.StartConversation(request) == first
    listed = await customer.stub.ListConversations(pb.ListConversationsRequest())
    assert len(listed.conversations) == 1


async def test_a_request_id_is_optional(mesh: Mesh) -> None:
    customer = await mesh.customer()
    first, second = [
        (await customer.stub.StartConversation(pb.StartConversationRequest())).conversation.conversation_id
        for _ in range(2)
    ]
    assert first != second
    call = (await customer.stub.StartCall(pb.StartCallRequest(conversation_id=first))).call
    ended = await customer.stub.EndCall(pb.EndCallRequest(call_id=call.call_id))
    assert ended.call.state == pb.CALL_STATE_ENDED
    for conversation_id in (first, second):
        await customer.stub.EndConversation(pb.EndConversationRequest(conversation_id=conversation_id))
        await customer.stub.DeleteConversation(pb.DeleteConversationRequest(conversation_id=conversation_id))
    assert not (await customer.stub.ListConversations(pb.ListConversationsRequest())).conversations


async def test_a_repeated_start_gives_the_same_call_with_another_token(mesh: Mesh) -> None:
    customer = await mesh.customer()
    request = pb.StartCallRequest(conversation_id=await customer.conversation(), request_id=uuid7())
    first, second = [await customer.stub.StartCall(request) for _ in range(2)]
    assert first.call == second.call
    assert first.access.livekit_token
    assert second.access.livekit_token


async def test_request_id_with_another_payload_is_refused(mesh: Mesh) -> None:
    customer = await mesh.customer()
    request = pb.StartConversationRequest(request_id=uuid7())
    await customer.stub.StartConversation(request)
    request.locale = "en-US"
    error = await refused(customer.stub.StartConversation(request))
    assert error.code() is grpc.StatusCode.ALREADY_EXISTS
    assert reason_of(error) == "REQUEST_ID_REUSED"


async def test_ending_a_call_twice_gives_the_same_answer(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    request = pb.EndCallRequest(call_id=call.call_id, request_id=uuid7())
    first = await customer.stub.EndCall(request)
    assert first.call.end_reason == entry_pb2.CALL_END_REASON_CUSTOMER_HUNG_UP
    assert await customer.stub.EndCall(request) == first
    again = await customer.stub.EndCall(pb.EndCallRequest(call_id=call.call_id, request_id=uuid7()))
    assert again.call == first.call


async def test_ending_a_conversation_ends_its_call(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    request = pb.EndConversationRequest(conversation_id=call.conversation_id, request_id=uuid7())
    ended = (await customer.stub.EndConversation(request)).conversation
    assert ended.state == pb.CONVERSATION_STATE_ENDED
    assert ended.last_entry_number == 3
    error = await refused(customer.stub.StartCall(pb.StartCallRequest(conversation_id=call.conversation_id)))
    assert reason_of(error) == "CONVERSATION_ENDED"
    error = await refused(customer.stub.RejoinCall(pb.RejoinCallRequest(call_id=call.call_id)))
    assert (error.code(), reason_of(error)) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "CALL_ENDED",
    )
    assert metadata_of(error) == {"end_reason": "CONVERSATION_ENDED"}


async def test_second_running_call_is_refused_with_the_id_of_the_first(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    error = await refused(customer.call(call.conversation_id))
    assert reason_of(error) == "CALL_RUNNING"
    assert metadata_of(error) == {"call_id": call.call_id, "conversation_id": call.conversation_id}
    found = await customer.stub.GetConversation(
        pb.GetConversationRequest(conversation_id=call.conversation_id)
    )
    assert found.conversation.running_call == call


async def test_conversations_are_listed_in_pages_newest_first(mesh: Mesh) -> None:
    customer, other = await mesh.customer(), await mesh.customer()
    begun = [await customer.conversation() for _ in range(5)]
    await other.conversation()
    seen, token = [], ""
    while True:
        page = await customer.stub.ListConversations(
            pb.ListConversationsRequest(page_size=2, page_token=token)
        )
        seen += [conversation.conversation_id for conversation in page.conversations]
        token = page.next_page_token
        if not token:
            break
        error = await refused(other.stub.ListConversations(pb.ListConversationsRequest(page_token=token)))
        assert reason_of(error) == "INVALID_PAGE_TOKEN"
    assert seen == begun[::-1]


CONVERSATION_RPCS: list[Callable[[ConversationServiceAsyncStub, pb.Call], Awaitable[object]]] = [
    lambda stub, call: stub.GetConversation(pb.GetConversationRequest(conversation_id=call.conversation_id)),
    lambda stub, call: stub.ListEntries(pb.ListEntriesRequest(conversation_id=call.conversation_id)),
    lambda stub, call: stub.StartCall(pb.StartCallRequest(conversation_id=call.conversation_id)),
    lambda stub, call: stub.EndConversation(
        pb.EndConversationRequest(conversation_id=call.conversation_id, request_id=uuid7())
    ),
    lambda stub, call: stub.RejoinCall(pb.RejoinCallRequest(call_id=call.call_id)),
    lambda stub, call: stub.EndCall(pb.EndCallRequest(call_id=call.call_id, request_id=uuid7())),
    lambda stub, call: stub.Watch(pb.WatchRequest(conversation_id=call.conversation_id)).read(),
]


@pytest.mark.parametrize("ask", CONVERSATION_RPCS)
async def test_ids_of_another_customer_are_not_found(
    mesh: Mesh, ask: Callable[[ConversationServiceAsyncStub, pb.Call], Awaitable[object]]
) -> None:
    owner, stranger = await mesh.customer(), await mesh.customer()
    call = await owner.call()
    theirs = await refused(ask(stranger.stub, call))
    unknown = await refused(ask(stranger.stub, pb.Call(call_id=uuid7(), conversation_id=uuid7())))
    assert theirs.code() is grpc.StatusCode.NOT_FOUND
    assert (theirs.code(), theirs.details(), reason_of(theirs)) == (
        unknown.code(),
        unknown.details(),
        reason_of(unknown),
    )
    found = await owner.stub.GetConversation(pb.GetConversationRequest(conversation_id=call.conversation_id))
    assert found.conversation.running_call.call_id == call.call_id


async def test_malformed_fields_are_named(mesh: Mesh) -> None:
    customer = await mesh.customer()
    error = await refused(customer.stub.StartCall(pb.StartCallRequest(conversation_id="my conversation")))
    assert (error.code(), [violation.field for violation in violations_of(error)]) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        ["conversation_id"],
    )
    conversation_id = await customer.conversation()
    error = await refused(
        customer.stub.StartCall(
            pb.StartCallRequest(conversation_id=conversation_id, time_zone="Mars/Olympus")
        )
    )
    assert [violation.field for violation in violations_of(error)] == ["time_zone"]


async def test_grant_of_an_ended_call_gives_no_token(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    async with Recorder(await mesh.agent_stub(), call.call_id, call.epoch) as recorder:
        grant = recorder.opened.grant
        await mesh.agent().exchange(grant)
        await recorder.close(entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
    await mesh.eventually(lambda: grant_is_gone(mesh, grant))


async def grant_is_gone(mesh: Mesh, grant: str) -> bool:
    try:
        await mesh.agent().exchange(grant)
    except grpc.aio.AioRpcError as error:
        return reason_of(error) == "GRANT_ENDED"
    return False


async def test_call_cannot_start_while_identity_is_down(mesh: Mesh) -> None:
    customer = await mesh.customer()
    conversation_id = await customer.conversation()
    await mesh.stop_identity()
    error = await refused(customer.stub.StartCall(pb.StartCallRequest(conversation_id=conversation_id)))
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")


async def test_agents_token_is_valid_only_for_its_own_call(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call, other = await customer.call(), await customer.call()
    async with Recorder(await mesh.agent_stub(), call.call_id, call.epoch) as recorder:
        delegate = ConversationServiceStub(await mesh.delegated(recorder.opened.grant))
        await delegate.GetConversation(pb.GetConversationRequest(conversation_id=call.conversation_id))
        for ask in (
            delegate.GetConversation(pb.GetConversationRequest(conversation_id=other.conversation_id)),
            delegate.ListEntries(pb.ListEntriesRequest(conversation_id=other.conversation_id)),
            delegate.EndCall(pb.EndCallRequest(call_id=other.call_id, request_id=uuid7())),
        ):
            assert (await refused(ask)).code() is grpc.StatusCode.NOT_FOUND
        ended = await delegate.EndCall(pb.EndCallRequest(call_id=call.call_id, request_id=uuid7()))
        assert ended.call.end_reason == entry_pb2.CALL_END_REASON_AGENT_HUNG_UP


async def test_deleted_customer_is_refused(mesh: Mesh) -> None:
    customer = await mesh.customer()
    conversation_id = await customer.conversation()
    request = identity_service_pb2.DeleteCustomerRequest(password=mesh.password, request_id=uuid7())
    await mesh.identity.DeleteCustomer(request, metadata=(("authorization", f"Bearer {customer.token}"),))
    error = await refused(customer.stub.StartCall(pb.StartCallRequest(conversation_id=conversation_id)))
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
