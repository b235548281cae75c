"""Late appends to the real service: after outages, ended calls and dead agents."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import grpc
import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from mesh.ids import uuid7
from services.conversation.client.outbox import Outbox
from services.conversation.client.outbox_file import OutboxFile
from services.conversation.client.outbox_recovery import SET_ASIDE, OutboxRecovery
from services.conversation.client.recorder import CallEnded, Recorder
from tests.integration.conversation.mesh import Customer, Mesh
from tests.product import free_ports

pytestmark = pytest.mark.integration

AGENT = entry_pb2.SPEAKER_AGENT
INTERRUPTED, TRUNCATED = entry_pb2.SEALING_INTERRUPTED, entry_pb2.SEALING_TRUNCATED


async def utterances(customer: Customer, call: pb.Call) -> list[entry_pb2.Entry]:
    listed = await customer.stub.ListEntries(pb.ListEntriesRequest(conversation_id=call.conversation_id))
    return [entry for entry in listed.entries if entry.HasField("utterance")]


async def hang_up(customer: Customer, call: pb.Call) -> None:
    await customer.stub.EndCall(pb.EndCallRequest(call_id=call.call_id, request_id=uuid7()))


async def dead_agent(mesh: Mesh, call: pb.Call, folder: Path, *texts: str) -> call_record.RecordOpen:
    """Take the call as an agent that says something, gets no ack and dies; its outbox remains."""
    opening = call_record.RecordOpen(call_id=call.call_id, epoch=call.epoch, writer_id=str(uuid4()))
    async with Recorder(
        await mesh.agent_stub(), opening.call_id, opening.epoch, opening.writer_id
    ) as recorder:
        outbox = Outbox(file := OutboxFile(folder, opening))
        file.opened(recorder.opened)
        for text in texts:
            draft = call_record.Draft(entry_id=str(uuid4()))
            draft.utterance.CopyFrom(
                entry_pb2.Utterance(
                    speaker=AGENT, modality=entry_pb2.MODALITY_VOICE, text=text, sealing=INTERRUPTED
                )
            )
            draft.utterance.utterance_id = draft.entry_id
            draft.start_time.GetCurrentTime()
            draft.end_time.GetCurrentTime()
            outbox.put(draft)
        file.close(keep=True)
    return opening


async def test_words_of_a_dead_agent_are_stored_late_even_after_the_call_and_its_grant(
    mesh: Mesh, tmp_path: Path
) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    await dead_agent(mesh, call, tmp_path, "one", "two")
    await hang_up(customer, call)
    for _ in range(2):
        await OutboxRecovery(tmp_path, await mesh.agent_stub()).scan()
    assert [(entry.utterance.text, entry.late) for entry in await utterances(customer, call)] == [
        ("one", True),
        ("two", True),
    ]


async def test_outbox_of_an_ended_conversation_is_set_aside(mesh: Mesh, tmp_path: Path) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    await dead_agent(mesh, call, tmp_path, "one")
    await customer.stub.EndConversation(
        pb.EndConversationRequest(conversation_id=call.conversation_id, request_id=uuid7())
    )
    await OutboxRecovery(tmp_path, await mesh.agent_stub()).scan()
    assert len(files_in(tmp_path / SET_ASIDE)) == 1
    assert await utterances(customer, call) == []


async def test_ticket_allows_only_its_writers_own_entries(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call, other, writer = await customer.call(), await customer.call(), str(uuid4())
    own = await mesh.agent_stub()
    async with Recorder(own, call.call_id, 1, writer) as recorder:
        ticket = recorder.opened.late_ticket
    draft = call_record.Draft(client_sequence=1, entry_id=str(uuid4()))
    draft.tool_call.CopyFrom(entry_pb2.ToolCall(tool_call_id=str(uuid4()), name="search_flights"))
    draft.start_time.GetCurrentTime()
    draft.end_time.GetCurrentTime()
    forged = [
        call_record.AppendRequest(call_id=call.call_id, epoch=1, writer_id=writer),
        call_record.AppendRequest(call_id=call.call_id, epoch=1, writer_id=str(uuid4()), late_ticket=ticket),
        call_record.AppendRequest(call_id=other.call_id, epoch=1, writer_id=writer, late_ticket=ticket),
    ]
    for request in forged:
        request.drafts.append(draft)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await own.Append(request)
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def test_utterance_truncated_at_the_end_of_the_call_is_completed_by_its_writer(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call, spoken = await customer.call(), str(uuid4())
    async with Recorder(await mesh.agent_stub(), call.call_id, 1) as recorder:
        recorder.revise(spoken, AGENT, "There are")
        await recorder.flushed()
        await hang_up(customer, call)
        assert isinstance(await recorder.over(), CallEnded)
        recorder.seal(spoken, AGENT, "There are three", sealing=INTERRUPTED)
    cut, whole = await utterances(customer, call)
    assert (cut.entry_id, cut.utterance.text, cut.utterance.sealing, cut.late) == (
        spoken,
        "There are",
        TRUNCATED,
        False,
    )
    assert (whole.utterance.text, whole.utterance.sealing, whole.late) == (
        "There are three",
        INTERRUPTED,
        True,
    )
    assert whole.utterance.completes_utterance_id == spoken


async def test_agent_talks_through_an_outage_and_every_turn_arrives_once_in_order(
    lone_mesh: Mesh, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    recorder: Recorder | None = None
    try:
        async with lone_mesh.conversation(port=port):
            customer = await lone_mesh.customer()
            call = await customer.call()
            recorder = await Recorder(
                await lone_mesh.agent_stub(), call.call_id, 1, folder=tmp_path / "outbox"
            ).__aenter__()
            say(recorder, "turn 0")
            say(recorder, "turn 1")
            await recorder.flushed()
        # The service is away.
        for number in range(2, 300):
            spoken = str(uuid4())
            recorder.revise(spoken, AGENT, "tu")
            recorder.seal(spoken, AGENT, f"turn {number}")
            await asyncio.sleep(0)
        async with lone_mesh.conversation(port=port):
            say(recorder, "turn 300")
            await recorder.flushed()
            await recorder.close(entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
            request = pb.ListEntriesRequest(conversation_id=call.conversation_id, page_size=500)
            entries = list((await customer.stub.ListEntries(request)).entries)
    finally:
        if recorder is not None:
            await recorder.__aexit__(None, None, None)
    texts = [entry.utterance.text for entry in entries if entry.HasField("utterance")]
    assert texts == [f"turn {number}" for number in range(301)]
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    assert not any(entry.late for entry in entries)
    assert files_in(tmp_path / "outbox") == []


def say(recorder: Recorder, text: str) -> None:
    recorder.seal(str(uuid4()), AGENT, text)


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())
