"""Search, export, filters and deletion of transcripts over gRPC."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.calling.channel import streaming
from mesh.errors import reason_of
from mesh.ids import uuid7
from services.conversation.client.recorder import Recorder
from tests.integration.conversation.calls.test_calls_over_the_wire import refused

if TYPE_CHECKING:
    from tests.integration.conversation.mesh import Customer, Mesh

pytestmark = pytest.mark.integration

AGENT, CUSTOMER = entry_pb2.SPEAKER_AGENT, entry_pb2.SPEAKER_CUSTOMER


async def ended_call(
    mesh: Mesh,
    customer: Customer,
    *lines: tuple[entry_pb2.Speaker.ValueType, str],
    conversation_id: str | None = None,
) -> pb.Call:
    """Make an ended call with these utterances."""
    call = await customer.call(conversation_id)
    async with Recorder(await mesh.agent_stub(), call.call_id, call.epoch) as recorder:
        for speaker, text in lines:
            recorder.seal(uuid7(), speaker, text)
        await recorder.flushed()
        await recorder.close(entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
    return call


async def exported(
    customer: Customer, conversation_id: str, format_: pb.TranscriptFormat.ValueType
) -> tuple[pb.ExportTranscriptResponse, str]:
    """Return the first chunk and the whole file."""
    chunks = [
        chunk
        async for chunk in customer.stub.ExportTranscript(
            pb.ExportTranscriptRequest(conversation_id=conversation_id, format=format_)
        )
    ]
    assert all(not chunk.file_name for chunk in chunks[1:])
    return chunks[0], b"".join(chunk.data for chunk in chunks).decode()


async def results(customer: Customer, request: pb.SearchEntriesRequest) -> AsyncIterator[pb.FoundEntry]:
    """Yield all results."""
    while True:
        page = await customer.stub.SearchEntries(request)
        for found in page.results:
            yield found
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


async def watched(customer: Customer, conversation_id: str) -> AsyncIterator[entry_pb2.Entry]:
    """Yield every entry up to `caught_up`."""
    async with streaming(customer.stub.Watch(pb.WatchRequest(conversation_id=conversation_id))) as stream:
        async for message in stream:
            if message.HasField("caught_up"):
                return
            for entry in [message.entry] if message.HasField("entry") else message.entries.entries:
                yield entry


async def test_words_are_found_with_title_entry_and_snippet(mesh: Mesh) -> None:
    asha, eve = await mesh.customer(), await mesh.customer()
    call = await ended_call(
        mesh, asha, (CUSTOMER, "Show me flights from Chennai to Delhi"), (AGENT, "There are three flights.")
    )
    answer = await asha.stub.SearchEntries(pb.SearchEntriesRequest(query="Delhi flight"))
    (found,) = answer.results
    assert found.entry.utterance.text == "Show me flights from Chennai to Delhi"
    assert (found.entry.conversation_id, found.entry.call_id) == (call.conversation_id, call.call_id)
    assert found.conversation_title.startswith("Show me flights")
    assert [part.text for part in found.snippet if part.matched] == ["flights", "Delhi"]
    assert not (await eve.stub.SearchEntries(pb.SearchEntriesRequest(query="Delhi"))).results


async def test_page_tokens_are_valid_only_for_their_search(mesh: Mesh) -> None:
    asha = await mesh.customer()
    await ended_call(mesh, asha, *((CUSTOMER, f"flight {number}") for number in range(7)))
    request = pb.SearchEntriesRequest(query="flight", page_size=3)
    assert [found.entry.utterance.text for found in [one async for one in results(asha, request)]] == [
        f"flight {n}" for n in range(6, -1, -1)
    ]
    token = (
        await asha.stub.SearchEntries(pb.SearchEntriesRequest(query="flight", page_size=3))
    ).next_page_token
    other = pb.SearchEntriesRequest(query="flights", page_size=3, page_token=token)
    error = await refused(asha.stub.SearchEntries(other))
    assert (error.code(), reason_of(error)) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_PAGE_TOKEN",
    )


async def test_search_is_limited_by_speaker_time_and_conversation(mesh: Mesh) -> None:
    asha = await mesh.customer()
    first = await ended_call(mesh, asha, (CUSTOMER, "a flight"), (AGENT, "which flight?"))
    second = await ended_call(mesh, asha, (CUSTOMER, "that flight"))

    async def texts(**rules: object) -> list[str]:
        request = pb.SearchEntriesRequest(query="flight", **rules)  # type: ignore[arg-type]  # fields by name
        return [found.entry.utterance.text for found in (await asha.stub.SearchEntries(request)).results]

    agents, customers = pb.EntryFilter(speakers=[AGENT]), pb.EntryFilter(speakers=[CUSTOMER])
    assert await texts(filter=agents) == ["which flight?"]
    assert await texts(filter=pb.EntryFilter(kinds=[pb.ENTRY_KIND_UTTERANCE], speakers=[AGENT])) == [
        "which flight?"
    ]
    assert await texts(filter=pb.EntryFilter(kinds=[pb.ENTRY_KIND_TOOL_CALL])) == []
    assert await texts(conversation_id=first.conversation_id, filter=customers) == ["a flight"]
    (entry,) = (await asha.stub.SearchEntries(pb.SearchEntriesRequest(query="that flight"))).results
    assert await texts(start_commit_time=entry.entry.commit_time) == ["that flight"]
    assert await texts(end_commit_time=entry.entry.commit_time) == ["which flight?", "a flight"]
    assert await texts(start_commit_time=Timestamp(seconds=4_000_000_000)) == []
    assert await texts(conversation_id=second.conversation_id) == ["that flight"]
    stranger = await mesh.customer()
    error = await refused(
        stranger.stub.SearchEntries(
            pb.SearchEntriesRequest(query="flight", conversation_id=first.conversation_id)
        )
    )
    assert reason_of(error) == "CONVERSATION_NOT_FOUND"


async def test_a_transcript_is_exported_whole_in_every_format(mesh: Mesh) -> None:
    asha = await mesh.customer()
    lines = [(CUSTOMER, f"Delhi, please, said {number} times. " + "really " * 30) for number in range(300)]
    call = await ended_call(mesh, asha, *lines, (AGENT, "Done --> <b>now</b>"))
    first, text = await exported(asha, call.conversation_id, pb.TRANSCRIPT_FORMAT_TEXT)
    assert first.media_type == "text/plain; charset=utf-8"
    assert first.file_name.startswith("delhi-please-said-0-times")
    assert text.count("] Customer: Delhi, please") == 300
    first, text = await exported(asha, call.conversation_id, pb.TRANSCRIPT_FORMAT_WEBVTT)
    assert (first.media_type, text.count(" --> "), "<v Agent>Done --&gt; &lt;b&gt;now" in text) == (
        "text/vtt; charset=utf-8",
        301,
        True,
    )
    first, text = await exported(asha, call.conversation_id, pb.TRANSCRIPT_FORMAT_JSON)
    assert first.file_name.endswith(".json")
    entries = json.loads(text)["entries"]
    assert [int(entry["number"]) for entry in entries] == list(range(1, 305))
    assert {entry["conversationId"] for entry in entries} == {call.conversation_id}


async def test_another_customer_cannot_export_a_transcript(mesh: Mesh) -> None:
    asha, eve = await mesh.customer(), await mesh.customer()
    conversation_id = await asha.conversation()
    error = await refused(exported(eve, conversation_id, pb.TRANSCRIPT_FORMAT_TEXT))
    assert (error.code(), reason_of(error)) == (
        grpc.StatusCode.NOT_FOUND,
        "CONVERSATION_NOT_FOUND",
    )


async def test_entries_are_listed_by_speaker_and_kind_in_pages(mesh: Mesh) -> None:
    asha = await mesh.customer()
    call = await ended_call(
        mesh, asha, *((CUSTOMER if number % 2 else AGENT, str(number)) for number in range(8))
    )
    request = pb.ListEntriesRequest(
        conversation_id=call.conversation_id, page_size=3, filter=pb.EntryFilter(speakers=[CUSTOMER])
    )
    first = await asha.stub.ListEntries(request)
    assert [entry.utterance.text for entry in first.entries] == ["1", "3", "5"]
    request.page_token = first.next_page_token
    assert [entry.utterance.text for entry in (await asha.stub.ListEntries(request)).entries] == ["7"]
    request.filter.Clear()
    assert reason_of(await refused(asha.stub.ListEntries(request))) == "INVALID_PAGE_TOKEN"
    changes = pb.ListEntriesRequest(
        conversation_id=call.conversation_id, filter=pb.EntryFilter(kinds=[pb.ENTRY_KIND_STATE_CHANGE])
    )
    assert len((await asha.stub.ListEntries(changes)).entries) == 3


async def test_log_of_large_entries_is_read_to_its_end(mesh: Mesh) -> None:
    asha = await mesh.customer()
    call, lines = await asha.call(), [f"{number} flights " + "🛫" * 19_900 for number in range(40)]
    async with Recorder(await mesh.agent_stub(), call.call_id, call.epoch) as recorder:
        for line in lines:
            recorder.seal(uuid7(), CUSTOMER, line)
            result = entry_pb2.ToolResult(tool_call_id=uuid7(), name="x")
            result.outcome = entry_pb2.TOOL_OUTCOME_FOUND
            result.other["offers"] = "x" * 150_000
            recorder.tool_result(result)
            await recorder.flushed()
        await recorder.close(entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
    listed = pb.ListEntriesRequest(conversation_id=call.conversation_id, page_size=500)
    entries, tokens = list[entry_pb2.Entry](), list[str]()
    while not tokens or tokens[-1]:
        page = await asha.stub.ListEntries(listed)
        entries += page.entries
        tokens.append(page.next_page_token)
        listed.page_token = page.next_page_token
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry.utterance.text for entry in entries if entry.HasField("utterance")] == lines
    assert sum(entry.ByteSize() for entry in entries) > 8 * 1024 * 1024
    found = [
        one.entry.utterance.text
        async for one in results(asha, pb.SearchEntriesRequest(query="flights", page_size=100))
    ]
    assert found == lines[::-1]
    followed = [entry async for entry in watched(asha, call.conversation_id)]
    assert followed == entries


async def test_running_call_is_found_after_many_newer_conversations(mesh: Mesh) -> None:
    asha, eve = await mesh.customer(), await mesh.customer()
    call = await asha.call()
    await eve.call()
    for _ in range(25):
        await asha.conversation()
    only = pb.ListConversationsRequest(page_size=1, running_only=True)
    (found,) = (await asha.stub.ListConversations(only)).conversations
    assert found.running_call.call_id == call.call_id
    await asha.stub.EndCall(pb.EndCallRequest(call_id=call.call_id, request_id=uuid7()))
    assert not (await asha.stub.ListConversations(only)).conversations


async def test_deletion_ends_the_call_and_reaches_watchers(mesh: Mesh) -> None:
    asha = await mesh.customer()
    call = await asha.call()
    one = asha.stub.Watch(pb.WatchRequest(conversation_id=call.conversation_id))
    everything = asha.stub.Watch(pb.WatchRequest())
    async with asyncio.timeout(10), Recorder(await mesh.agent_stub(), call.call_id, call.epoch) as recorder:
        recorder.seal(uuid7(), CUSTOMER, "Delhi")
        await recorder.flushed()
        for following in (one, everything):
            async for event in following:
                if event.HasField("caught_up"):
                    break
        await asha.stub.DeleteConversation(
            pb.DeleteConversationRequest(conversation_id=call.conversation_id, request_id=uuid7())
        )
        ends = [event.end.reason async for event in one if event.HasField("end")]
        assert ends == [pb.WATCH_END_REASON_CONVERSATION_DELETED]
        async for event in everything:
            if event.HasField("deleted"):
                assert event.deleted.conversation_id == call.conversation_id
                break
        everything.cancel()
        await recorder.over()
    assert reason_of(
        await refused(
            asha.stub.GetConversation(pb.GetConversationRequest(conversation_id=call.conversation_id))
        )
    ) == ("CONVERSATION_NOT_FOUND")
    assert not (await asha.stub.SearchEntries(pb.SearchEntriesRequest(query="delhi"))).results
