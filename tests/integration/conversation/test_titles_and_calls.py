"""Renaming of conversations, etags, and reading of calls over gRPC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub

from mesh.errors import reason_of, violations_of
from mesh.ids import uuid7
from services.conversation.client.recorder import Recorder
from tests.integration.conversation.calls.test_calls_over_the_wire import refused
from tests.integration.conversation.test_transcripts_over_the_wire import ended_call

if TYPE_CHECKING:
    from tests.integration.conversation.mesh import Customer, Mesh

pytestmark = pytest.mark.integration

CUSTOMER = entry_pb2.SPEAKER_CUSTOMER
REQUEST = "flights from Chennai to Delhi tomorrow"


async def _rename(
    customer: Customer, conversation_id: str, title: str, etag: str = "", *paths: str
) -> pb.Conversation:
    new = pb.Conversation(conversation_id=conversation_id, title=title, etag=etag)
    request = pb.UpdateConversationRequest(conversation=new, update_mask=FieldMask(paths=paths))
    return (await customer.stub.UpdateConversation(request)).conversation


async def _read(customer: Customer, conversation_id: str) -> pb.Conversation:
    request = pb.GetConversationRequest(conversation_id=conversation_id)
    return (await customer.stub.GetConversation(request)).conversation


async def _calls(customer: Customer, request: pb.ListCallsRequest) -> list[str]:
    found, pages = list[str](), 0
    while True:
        page = await customer.stub.ListCalls(request)
        assert len(page.calls) <= (request.page_size or 20)
        found += [call.call_id for call in page.calls]
        pages += 1
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


async def test_a_title_of_the_customer_stays_when_the_agent_hears_a_request(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    async with Recorder(await mesh.agent_stub(), call.call_id, call.epoch) as recorder:
        recorder.seal(uuid7(), CUSTOMER, "hello")  # so that the log's state is in the service's memory
        await recorder.flushed()
        renamed = await _rename(customer, call.conversation_id, "Amma's birthday")
        recorder.seal(uuid7(), CUSTOMER, REQUEST)
        await recorder.flushed()
        assert renamed.title == "Amma's birthday"
        read = await _read(customer, call.conversation_id)
        assert (read.title, read.last_entry_number) == ("Amma's birthday", 4)
        await recorder.close(entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)


async def test_an_automatic_title_can_be_replaced_also_after_the_end(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await ended_call(mesh, customer, (CUSTOMER, REQUEST))
    conversation_id = call.conversation_id
    assert (await _read(customer, conversation_id)).title.startswith("Flights from Chennai")
    ending = pb.EndConversationRequest(conversation_id=conversation_id, request_id=uuid7())
    await customer.stub.EndConversation(ending)
    renamed = await _rename(customer, conversation_id, "परिवार की यात्रा 👩\u200d👧")
    assert renamed.title == "परिवार की यात्रा 👩\u200d👧"
    assert renamed == await _read(customer, conversation_id)


@pytest.mark.parametrize("title", ["", "   ", "two\nlines", "a\0b", "\u202egnp.exe", "a" * 81])
async def test_a_title_is_one_line_of_printable_characters(mesh: Mesh, title: str) -> None:
    customer = await mesh.customer()
    error = await refused(_rename(customer, await customer.conversation(), title, "", "title"))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert [field for field, _ in violations_of(error)] == ["conversation.title"]


async def test_an_outdated_etag_is_refused_unless_the_change_was_already_made(mesh: Mesh) -> None:
    customer = await mesh.customer()
    conversation_id = await customer.conversation()
    first = await _read(customer, conversation_id)
    for _ in range(2):  # the second is the same request again
        renamed = await _rename(customer, conversation_id, "One", first.etag)
    assert renamed.etag != first.etag
    error = await refused(_rename(customer, conversation_id, "Two", first.etag))
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    assert (await _rename(customer, conversation_id, "Two", renamed.etag)).title == "Two"


async def test_a_conversation_can_be_renamed_with_the_etag_from_before_its_calls_and_entries(
    mesh: Mesh,
) -> None:
    customer = await mesh.customer()
    conversation_id = await customer.conversation()
    await _rename(customer, conversation_id, "One")
    read = await _read(customer, conversation_id)
    await ended_call(mesh, customer, (CUSTOMER, REQUEST), conversation_id=conversation_id)
    now = await _read(customer, conversation_id)
    assert (now.last_entry_number > 0, now.etag) == (True, read.etag)
    assert (await _rename(customer, conversation_id, "Two", read.etag)).title == "Two"


async def test_the_times_of_a_conversation_tell_its_last_change_and_its_last_entry(mesh: Mesh) -> None:
    customer = await mesh.customer()
    created = await _read(customer, await customer.conversation())
    assert created.update_time == created.create_time
    assert not created.HasField("last_entry_time")
    conversation_id = created.conversation_id
    await ended_call(mesh, customer, (CUSTOMER, "hello"), conversation_id=conversation_id)
    talked = await _read(customer, conversation_id)
    assert talked.update_time == talked.last_entry_time
    listed = await customer.stub.ListEntries(pb.ListEntriesRequest(conversation_id=conversation_id))
    assert listed.entries[-1].commit_time == talked.last_entry_time
    renamed = await _rename(customer, conversation_id, "One")
    assert renamed.update_time.ToMicroseconds() > talked.update_time.ToMicroseconds()
    assert renamed.last_entry_time == talked.last_entry_time
    assert renamed == await _read(customer, conversation_id)


async def test_a_call_has_no_answer_time_until_an_agent_holds_it(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    assert not call.HasField("answer_time")
    async with Recorder(await mesh.agent_stub(), call.call_id, call.epoch) as recorder:
        await recorder.flushed()
        answered = (await customer.stub.GetCall(pb.GetCallRequest(call_id=call.call_id))).call
        await recorder.close(entry_pb2.CALL_END_REASON_UNSPECIFIED)  # another agent takes the call
    again = (await customer.stub.GetCall(pb.GetCallRequest(call_id=call.call_id))).call
    assert again.epoch > answered.epoch
    async with Recorder(await mesh.agent_stub(), call.call_id, again.epoch) as recorder:
        await recorder.flushed()
        again = (await customer.stub.GetCall(pb.GetCallRequest(call_id=call.call_id))).call
        await recorder.close(entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
    assert call.create_time.ToMicroseconds() < answered.answer_time.ToMicroseconds()
    assert again.answer_time == answered.answer_time


async def test_entries_are_listed_after_a_number(mesh: Mesh) -> None:
    customer = await mesh.customer()
    words = [f"word {number}" for number in range(6)]
    call = await ended_call(mesh, customer, *((CUSTOMER, text) for text in words))
    request = pb.ListEntriesRequest(conversation_id=call.conversation_id, after_number=4, page_size=2)
    numbers, pages = list[int](), 0
    while pages == 0 or request.page_token:
        page = await customer.stub.ListEntries(request)
        numbers += [entry.number for entry in page.entries]
        request.page_token, pages = page.next_page_token, pages + 1
    last = (await _read(customer, call.conversation_id)).last_entry_number
    assert numbers == list(range(5, last + 1))
    request.page_token, request.after_number = "", last
    assert not (await customer.stub.ListEntries(request)).entries
    request.after_number = 4
    token = (await customer.stub.ListEntries(request)).next_page_token
    request.page_token, request.after_number = token, 0
    assert reason_of(await refused(customer.stub.ListEntries(request))) == "INVALID_PAGE_TOKEN"


async def test_an_etag_changes_with_the_title_and_protects_from_an_end_and_a_deletion(mesh: Mesh) -> None:
    customer = await mesh.customer()
    conversation_id = await customer.conversation()
    before = (await _read(customer, conversation_id)).etag
    await _rename(customer, conversation_id, "One")
    for refused_call in (
        customer.stub.EndConversation(
            pb.EndConversationRequest(conversation_id=conversation_id, request_id=uuid7(), etag=before)
        ),
        customer.stub.DeleteConversation(
            pb.DeleteConversationRequest(conversation_id=conversation_id, request_id=uuid7(), etag=before)
        ),
    ):
        assert reason_of(await refused(refused_call)) == "ETAG_MISMATCH"
    now = (await _read(customer, conversation_id)).etag
    listed = await customer.stub.ListConversations(pb.ListConversationsRequest())
    assert [one.etag for one in listed.conversations] == [now]
    deletion = pb.DeleteConversationRequest(conversation_id=conversation_id, request_id=uuid7(), etag=now)
    for _ in range(2):
        await customer.stub.DeleteConversation(deletion)


async def test_calls_come_newest_first_in_pages_of_one_conversation_or_all(mesh: Mesh) -> None:
    customer = await mesh.customer()
    one, other = await customer.conversation(), await customer.conversation()
    started = []
    for conversation_id in (one, other, one, one):
        call = await customer.call(conversation_id)
        started.append(call.call_id)
        await customer.stub.EndCall(pb.EndCallRequest(call_id=call.call_id, request_id=uuid7()))
    started.append((await customer.call(one)).call_id)
    assert await _calls(customer, pb.ListCallsRequest(page_size=2)) == started[::-1]
    of_one = [started[4], started[3], started[2], started[0]]
    assert await _calls(customer, pb.ListCallsRequest(conversation_id=one, page_size=3)) == of_one
    assert await _calls(customer, pb.ListCallsRequest(running_only=True)) == started[4:]


async def test_a_page_token_of_calls_is_for_its_filters_and_its_customer(mesh: Mesh) -> None:
    customer, stranger = await mesh.customer(), await mesh.customer()
    for _ in range(2):
        await customer.call()
    token = (await customer.stub.ListCalls(pb.ListCallsRequest(page_size=1))).next_page_token
    for caller, request in (
        (stranger, pb.ListCallsRequest(page_token=token)),
        (customer, pb.ListCallsRequest(page_token=token, running_only=True)),
    ):
        assert reason_of(await refused(caller.stub.ListCalls(request))) == "INVALID_PAGE_TOKEN"


async def test_another_customers_calls_and_conversations_are_not_found(mesh: Mesh) -> None:
    customer, stranger = await mesh.customer(), await mesh.customer()
    call = await customer.call()
    read = (await customer.stub.GetCall(pb.GetCallRequest(call_id=call.call_id.upper()))).call
    assert read.call_id == call.call_id
    error = await refused(stranger.stub.GetCall(pb.GetCallRequest(call_id=call.call_id)))
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.NOT_FOUND, "CALL_NOT_FOUND")
    for attempt in (
        stranger.stub.ListCalls(pb.ListCallsRequest(conversation_id=call.conversation_id)),
        _rename(stranger, call.conversation_id, "Mine"),
    ):
        error = await refused(attempt)
        assert (error.code(), reason_of(error)) == (grpc.StatusCode.NOT_FOUND, "CONVERSATION_NOT_FOUND")


async def test_an_agent_may_read_its_own_call_only(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call, other = await customer.call(), await customer.call()
    async with Recorder(await mesh.agent_stub(), call.call_id, call.epoch) as recorder:
        await recorder.flushed()
        agent = ConversationServiceStub(await mesh.delegated(recorder.opened.grant))
        read = (await agent.GetCall(pb.GetCallRequest(call_id=call.call_id))).call
        assert (read.call_id, read.state) == (call.call_id, pb.CALL_STATE_LIVE)
        error = await refused(agent.GetCall(pb.GetCallRequest(call_id=other.call_id)))
        assert reason_of(error) == "CALL_NOT_FOUND"
        await recorder.close(entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
