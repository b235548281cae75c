"""The `Record` stream for an agent: taking a call, appending, refusals, losing the call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record
from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceStub

from mesh.calling.channel import streaming
from mesh.clock import timestamp
from mesh.errors import reason_of
from services.conversation.client.recorder import CallEnded, CallLost, Recorder

if TYPE_CHECKING:
    from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceAsyncStub

    from tests.integration.conversation.mesh import Customer, Mesh

pytestmark = pytest.mark.integration

AGENT = entry_pb2.SPEAKER_AGENT
Stream = grpc.aio.StreamStreamCall[call_record.RecordRequest, call_record.RecordResponse]


def said(text: str, sequence: int, entry_id: str | None = None) -> call_record.Draft:
    entry_id, now = entry_id or str(uuid4()), timestamp(datetime.now(UTC))
    utterance = entry_pb2.Utterance(
        utterance_id=entry_id,
        speaker=AGENT,
        modality=entry_pb2.MODALITY_VOICE,
        text=text,
        sealing=entry_pb2.SEALING_FINAL,
    )
    return call_record.Draft(
        client_sequence=sequence, entry_id=entry_id, start_time=now, end_time=now, utterance=utterance
    )


def appending(*drafts: call_record.Draft) -> call_record.RecordRequest:
    return call_record.RecordRequest(append=call_record.RecordAppend(drafts=drafts))


def opening(call: pb.Call, writer_id: str, epoch: int = 1) -> call_record.RecordRequest:
    return call_record.RecordRequest(
        open=call_record.RecordOpen(call_id=call.call_id, epoch=epoch, writer_id=writer_id)
    )


@asynccontextmanager
async def opened(stub: CallRecordServiceAsyncStub, call: pb.Call, writer_id: str) -> AsyncIterator[Stream]:
    async with streaming(stub.Record()) as stream:
        await stream.write(opening(call, writer_id))
        assert (await read(stream)).HasField("opened")
        yield stream


async def read(stream: Stream) -> call_record.RecordResponse:
    response = await stream.read()
    assert isinstance(response, call_record.RecordResponse)
    return response


async def acked(stream: Stream, *, through: int) -> list[int]:
    """The numbers in the acks up to a draft, however many messages they take."""
    numbers: list[int] = []
    reached = 0
    while reached < through:
        ack = (await read(stream)).ack
        assert ack.through_client_sequence > reached
        reached = ack.through_client_sequence
        numbers.extend(ack.numbers)
    assert reached == through
    return numbers


async def texts(customer: Customer, call: pb.Call) -> list[str]:
    listed = await customer.stub.ListEntries(pb.ListEntriesRequest(conversation_id=call.conversation_id))
    return [entry.utterance.text for entry in listed.entries if entry.HasField("utterance")]


async def refusal(
    stub: CallRecordServiceAsyncStub, *requests: call_record.RecordRequest
) -> tuple[grpc.StatusCode, str | None]:
    async def sent() -> AsyncIterator[call_record.RecordRequest]:
        for request in requests:
            yield request

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async with streaming(stub.Record(sent())) as stream:
            async for _ in stream:
                pass
    return caught.value.code(), reason_of(caught.value)


async def test_acks_come_in_order_with_the_entries_numbers(mesh: Mesh) -> None:
    call = await (await mesh.customer()).call()
    async with opened(await mesh.agent_stub(), call, str(uuid4())) as stream:
        await stream.write(appending(said("one", 1), said("two", 2)))
        await stream.write(appending(said("three", 3)))
        assert await acked(stream, through=3) == [3, 4, 5]


async def test_invalid_draft_is_rejected_alone_and_the_stream_continues(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    taken = str(uuid4())
    async with opened(await mesh.agent_stub(), call, str(uuid4())) as stream:
        await stream.write(
            appending(
                said("one", 1, taken), said("another", 2, taken), said("x" * 20_001, 3), said("four", 4)
            )
        )
        conflict, too_long = await read(stream), await read(stream)
        assert await acked(stream, through=4) == [3, 0, 0, 4]
        await stream.write(appending(said("five", 5)))
        assert await acked(stream, through=5) == [5]
    assert (conflict.rejected.client_sequence, info(conflict).reason) == (2, "ENTRY_CONFLICT")
    assert info(conflict).metadata == {"number": "3"}
    assert (too_long.rejected.client_sequence, info(too_long).reason) == (
        3,
        "INVALID_REQUEST",
    )
    assert await texts(customer, call) == ["one", "four", "five"]


def info(response: call_record.RecordResponse) -> ErrorInfo:
    found = ErrorInfo()
    assert any(detail.Unpack(found) for detail in response.rejected.status.details)
    return found


async def test_first_message_and_only_the_first_must_be_open(mesh: Mesh) -> None:
    call, stub, writer = await (await mesh.customer()).call(), await mesh.agent_stub(), str(uuid4())
    out_of_order = (grpc.StatusCode.FAILED_PRECONDITION, "RECORD_OUT_OF_ORDER")
    assert await refusal(stub) == out_of_order
    assert await refusal(stub, appending(said("hello", 1))) == out_of_order
    assert await refusal(stub, opening(call, writer), opening(call, writer)) == out_of_order
    assert await refusal(stub, opening(call, writer), call_record.RecordRequest()) == out_of_order


async def test_malformed_open_is_refused(mesh: Mesh) -> None:
    stub = await mesh.agent_stub()
    code, _ = await refusal(stub, opening(pb.Call(call_id="mine"), "me", 0))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    unknown = await refusal(stub, opening(pb.Call(call_id=str(uuid4())), str(uuid4())))
    assert unknown == (grpc.StatusCode.NOT_FOUND, "CALL_NOT_FOUND")


async def test_second_writer_of_an_epoch_is_refused(mesh: Mesh) -> None:
    call, stub = await (await mesh.customer()).call(), await mesh.agent_stub()
    async with opened(stub, call, str(uuid4())):
        held = await refusal(stub, opening(call, str(uuid4())))
        assert held == (grpc.StatusCode.ABORTED, "EPOCH_HELD")
        assert await refusal(stub, opening(call, str(uuid4()), 2)) == (
            grpc.StatusCode.ABORTED,
            "STALE_EPOCH",
        )


async def test_same_writer_reopens_while_its_old_stream_hangs(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call, stub, writer = await customer.call(), await mesh.agent_stub(), str(uuid4())
    async with opened(stub, call, writer) as old, opened(stub, call, writer) as new:
        assert await old.read() is grpc.aio.EOF
        await new.write(appending(said("still here", 1)))
        assert await acked(new, through=1) == [3]


async def test_hanging_up_ends_the_agent_s_stream(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    async with opened(await mesh.agent_stub(), call, str(uuid4())) as stream:
        await customer.stub.EndCall(pb.EndCallRequest(call_id=call.call_id, request_id=str(uuid4())))
        assert (await read(stream)).end.reason == call_record.RECORD_END_REASON_CALL_ENDED
        assert await stream.read() is grpc.aio.EOF


async def test_agent_that_hands_over_is_followed_by_a_higher_epoch(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    async with Recorder(await mesh.agent_stub(), call.call_id, 1) as recorder:
        recorder.seal(str(uuid4()), AGENT, "One moment please.")
        await recorder.close()
    running = (
        await customer.stub.GetConversation(pb.GetConversationRequest(conversation_id=call.conversation_id))
    ).conversation
    assert (running.running_call.epoch, running.running_call.state) == (2, pb.CALL_STATE_DISPATCHED)
    with pytest.raises(CallLost):
        async with Recorder(await mesh.agent_stub(), call.call_id, 1):
            pass
    async with Recorder(await mesh.agent_stub(), call.call_id, 2) as following:
        assert following.opened.next_number == 6
        assert following.opened.grant
        following.seal(str(uuid4()), AGENT, "going on")
        await following.flushed()
    assert (await texts(customer, call))[-1] == "going on"


async def test_recorder_of_a_call_that_ends_still_appends_what_was_said(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    async with Recorder(await mesh.agent_stub(), call.call_id, 1) as recorder:
        await customer.stub.EndCall(pb.EndCallRequest(call_id=call.call_id, request_id=str(uuid4())))
        assert isinstance(await recorder.over(), CallEnded)
        recorder.seal(str(uuid4()), AGENT, "I was about to say", sealing=entry_pb2.SEALING_INTERRUPTED)
    listed = await customer.stub.ListEntries(pb.ListEntriesRequest(conversation_id=call.conversation_id))
    assert (listed.entries[-1].utterance.text, listed.entries[-1].late) == ("I was about to say", True)


async def test_recorder_of_an_ended_call_is_refused(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    await customer.stub.EndCall(pb.EndCallRequest(call_id=call.call_id, request_id=str(uuid4())))
    with pytest.raises(CallEnded):
        async with Recorder(await mesh.agent_stub(), call.call_id, 1):
            pass


async def test_recorder_of_an_unknown_call_fails_as_the_service_says(mesh: Mesh) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async with Recorder(await mesh.agent_stub(), str(uuid4()), 1):
            pass
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_append_stores_all_drafts_or_none(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call, writer = await customer.call(), str(uuid4())
    async with Recorder(await mesh.agent_stub(), call.call_id, 1, writer) as recorder:
        delegate = CallRecordServiceStub(await mesh.delegated(recorder.opened.grant))
        good, taken = said("good", 1), str(uuid4())
        request = call_record.AppendRequest(
            call_id=call.call_id,
            epoch=1,
            writer_id=writer,
            drafts=[good, said("a", 2, taken), said("b", 3, taken)],
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await delegate.Append(request)
        assert (caught.value.code(), reason_of(caught.value)) == (
            grpc.StatusCode.ALREADY_EXISTS,
            "ENTRY_CONFLICT",
        )
        assert await texts(customer, call) == []
        del request.drafts[2:]
        first = await delegate.Append(request)
        assert [ack.number for ack in first.drafts] == [3, 4]
        assert await delegate.Append(request) == first
    assert await texts(customer, call) == ["good", "a"]


async def test_only_agents_write(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await customer.call()

    async def own() -> str:
        return customer.token

    stub = CallRecordServiceStub(await mesh.channel(own))
    code, _ = await refusal(stub, opening(call, str(uuid4())))
    assert code is grpc.StatusCode.PERMISSION_DENIED
    request = call_record.AppendRequest(
        call_id=call.call_id, epoch=1, writer_id=str(uuid4()), drafts=[said("I am the agent", 1)]
    )
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Append(request)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_writer_with_many_appends_in_flight_gets_every_ack_in_order(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    count = 60
    async with opened(await mesh.agent_stub(), call, str(uuid4())) as stream:
        for sequence in range(1, count + 1):
            await stream.write(appending(said(f"turn {sequence}", sequence)))
        assert await acked(stream, through=count) == list(range(3, count + 3))
    assert await texts(customer, call) == [f"turn {sequence}" for sequence in range(1, count + 1)]


async def test_refusals_among_appends_in_flight_come_before_the_ack_that_covers_them(mesh: Mesh) -> None:
    call = await (await mesh.customer()).call()
    refused, numbers, covered = set[int](), list[int](), 0
    async with opened(await mesh.agent_stub(), call, str(uuid4())) as stream:
        for sequence in range(1, 31):
            await stream.write(appending(said("x" * (20_001 if sequence % 3 == 0 else 5), sequence)))
        while covered < 30:
            response = await read(stream)
            if response.HasField("rejected"):
                assert response.rejected.client_sequence > covered
                refused.add(response.rejected.client_sequence)
                continue
            covered, numbers = response.ack.through_client_sequence, [*numbers, *response.ack.numbers]
            assert len(numbers) == covered
            assert {sequence for sequence, number in enumerate(numbers, 1) if not number} <= refused
    assert refused == set(range(3, 31, 3))
    assert [number for number in numbers if number] == list(range(3, 23))


async def test_appends_in_flight_before_close_are_stored_and_acked(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    async with opened(await mesh.agent_stub(), call, str(uuid4())) as stream:
        for sequence in range(1, 21):
            await stream.write(appending(said(f"turn {sequence}", sequence)))
        await stream.write(
            call_record.RecordRequest(
                close=call_record.RecordClose(reason=entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
            )
        )
        assert await acked(stream, through=20) == list(range(3, 23))
        assert (await read(stream)).end.reason == call_record.RECORD_END_REASON_CALL_ENDED
    assert len(await texts(customer, call)) == 20


async def test_append_of_too_many_drafts_ends_the_stream_after_earlier_acks(
    mesh: Mesh,
) -> None:
    call = await (await mesh.customer()).call()
    async with opened(await mesh.agent_stub(), call, str(uuid4())) as stream:
        await stream.write(appending(said("fine", 1)))
        await stream.write(appending(*[said("too many", sequence) for sequence in range(2, 259)]))
        assert await acked(stream, through=1) == [3]
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await read(stream)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
