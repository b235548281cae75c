"""The `Watch` stream, with the client and with the bare stub."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.calling.channel import streaming
from mesh.errors import reason_of
from services.conversation.client.recorder import Recorder
from services.conversation.client.watcher import watch

if TYPE_CHECKING:
    from tests.integration.conversation.mesh import Mesh

pytestmark = pytest.mark.integration

AGENT = entry_pb2.SPEAKER_AGENT


async def test_every_message_carries_a_cursor_from_which_the_rest_follows(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    async with Recorder(await mesh.agent_stub(), call.call_id, 1) as recorder:
        for word in range(8):
            recorder.seal(str(uuid4()), AGENT, f"{word}")
        await recorder.close(entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
    await customer.stub.EndConversation(
        pb.EndConversationRequest(conversation_id=call.conversation_id, request_id=str(uuid4()))
    )
    async with streaming(
        customer.stub.Watch(pb.WatchRequest(conversation_id=call.conversation_id))
    ) as stream:
        messages = [message async for message in stream]
    assert numbers_in(messages) == list(range(1, 13))
    for place, message in enumerate(messages[:-1]):
        request = pb.WatchRequest(conversation_id=call.conversation_id, cursor=message.cursor)
        async with streaming(customer.stub.Watch(request)) as stream:
            rest = [message async for message in stream]
        assert numbers_in(rest) == numbers_in(messages[place + 1 :])


@pytest.mark.parametrize("cursor", ["nonsense", "AAAA" * 20, "ü", "x" * 512])
async def test_malformed_cursor_is_invalid(mesh: Mesh, cursor: str) -> None:
    customer = await mesh.customer()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async with watch(customer.stub, await customer.conversation(), cursor=cursor) as events:
            await anext(events)
    assert (caught.value.code(), reason_of(caught.value)) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_CURSOR",
    )


async def test_watch_from_a_time_skips_what_was_stored_before(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    async with Recorder(await mesh.agent_stub(), call.call_id, 1) as recorder:
        await recorder.flushed()
        listed = await customer.stub.ListEntries(pb.ListEntriesRequest(conversation_id=call.conversation_id))
        since = listed.entries[-1].commit_time.ToDatetime(UTC) + timedelta(microseconds=1)
        recorder.seal(str(uuid4()), AGENT, "after")
        await recorder.flushed()
        async with watch(customer.stub, call.conversation_id, start_commit_time=since) as events:
            assert (await anext(events)).entry.utterance.text == "after"


async def test_captions_arrive_while_they_are_spoken(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    spoken = str(uuid4())
    recorder = Recorder(await mesh.agent_stub(), call.call_id, 1)
    async with (
        recorder,
        watch(customer.stub, call.conversation_id, include_live=True) as events,
        asyncio.timeout(10),
    ):
        while not (await anext(events)).HasField("caught_up"):
            pass
        for text in ("There", "There are", "There are three"):
            recorder.revise(spoken, AGENT, text)
            event = await anext(events)
            assert (event.live.utterance_id, event.live.tail) == (spoken, text)
        recorder.seal(spoken, AGENT, "There are three flights.")
        event = await anext(events)
        assert (event.entry.utterance.utterance_id, event.entry.utterance.text) == (
            spoken,
            "There are three flights.",
        )


async def test_silent_watch_is_kept_alive_by_heartbeats(mesh: Mesh) -> None:
    customer = await mesh.customer()
    request = pb.WatchRequest(
        conversation_id=await customer.conversation(), heartbeat_interval=Duration(nanos=1)
    )
    begun = datetime.now(UTC)
    async with streaming(customer.stub.Watch(request)) as stream:
        caught_up, heartbeat = await stream.read(), await stream.read()
    assert isinstance(caught_up, pb.WatchResponse)
    assert isinstance(heartbeat, pb.WatchResponse)
    assert (caught_up.WhichOneof("event"), heartbeat.WhichOneof("event")) == ("caught_up", "heartbeat")
    assert datetime.now(UTC) - begun > timedelta(seconds=0.9), "a second is the shortest"


async def test_drained_watch_ends_in_good_order(lone_mesh: Mesh) -> None:
    async with AsyncExitStack() as service:
        await service.enter_async_context(lone_mesh.conversation())
        customer = await lone_mesh.customer()
        request = pb.WatchRequest(conversation_id=await customer.conversation())
        async with streaming(customer.stub.Watch(request)) as stream:
            await stream.read()
            stopping = asyncio.create_task(service.aclose())
            rest = [message async for message in stream]
            assert rest[-1].end.reason == pb.WATCH_END_REASON_DRAINING
            await stopping


async def test_watch_continues_across_a_restart_without_gap_or_duplicate(lone_mesh: Mesh) -> None:
    seen: list[pb.WatchResponse] = []
    async with AsyncExitStack() as before:
        address = await before.enter_async_context(lone_mesh.conversation())
        customer = await lone_mesh.customer()
        call = await customer.call()
        recorder = Recorder(await lone_mesh.agent_stub(), call.call_id, 1)
        async with recorder, watch(customer.stub, call.conversation_id) as events, asyncio.timeout(30):
            following = asyncio.create_task(collect(events, seen))
            recorder.seal(str(uuid4()), AGENT, "before")
            await recorder.flushed()
            await before.aclose()
            recorder.seal(str(uuid4()), AGENT, "meanwhile")
            async with lone_mesh.conversation(port=int(address.rpartition(":")[2])):
                recorder.seal(str(uuid4()), AGENT, "after")
                await recorder.close(entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
                end = pb.EndConversationRequest(conversation_id=call.conversation_id, request_id=str(uuid4()))
                await customer.stub.EndConversation(end)
                await following
    entries = [event.entry for event in seen if event.HasField("entry")]
    assert [entry.number for entry in entries] == list(range(1, 8))
    assert [entry.utterance.text for entry in entries if entry.HasField("utterance")] == [
        "before",
        "meanwhile",
        "after",
    ]
    assert [entry.state_change.kind for entry in entries].count(entry_pb2.STATE_CHANGE_KIND_AGENT_JOINED) == 1
    assert [event.WhichOneof("event") for event in seen].count("caught_up") == 1


async def test_expired_token_ends_the_watch_and_the_client_brings_a_new_one(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    asked = []

    async def short_lived() -> str:
        asked.append(mesh.access_token(customer, lifetime=timedelta(seconds=1.2)))
        return asked[-1]

    stub = await mesh.stub(short_lived)
    seen: list[pb.WatchResponse] = []
    async with watch(stub, call.conversation_id) as events, asyncio.timeout(20):
        following = asyncio.create_task(collect(events, seen))
        await mesh.eventually(lambda: later(len(asked) >= 3))
        await customer.stub.EndConversation(
            pb.EndConversationRequest(conversation_id=call.conversation_id, request_id=str(uuid4()))
        )
        await following
    assert [event.entry.number for event in seen if event.HasField("entry")] == [1, 2, 3]


async def test_cancelled_watches_leave_nothing_behind(mesh: Mesh) -> None:
    customer = await mesh.customer()
    conversation_id = await customer.conversation()
    await customer.stub.GetConversation(pb.GetConversationRequest(conversation_id=conversation_id))
    before = len(asyncio.all_tasks())
    for _ in range(10):
        async with streaming(customer.stub.Watch(pb.WatchRequest(conversation_id=conversation_id))) as stream:
            await stream.read()
    await mesh.eventually(lambda: later(len(asyncio.all_tasks()) <= before))


async def test_watcher_that_does_not_read_slows_no_other_and_misses_nothing(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    text = "word " * 3000
    recorder = Recorder(await mesh.agent_stub(), call.call_id, 1)
    request = pb.WatchRequest(conversation_id=call.conversation_id, include_live=True)
    async with recorder, streaming(customer.stub.Watch(request)) as stalled, asyncio.timeout(30):
        first = await stalled.read()
        assert isinstance(first, pb.WatchResponse)
        for _ in range(300):  # 4.5 MB: far more than gRPC's own windows take
            recorder.seal(str(uuid4()), AGENT, text)
        await recorder.flushed()
        numbers = numbers_in([first])
        while numbers[-1] < 302:
            message = await stalled.read()
            assert isinstance(message, pb.WatchResponse)
            numbers += numbers_in([message])
    assert numbers == list(range(1, 303))


async def test_watch_of_an_unknown_conversation_fails_instead_of_retrying(mesh: Mesh) -> None:
    customer = await mesh.customer()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async with watch(customer.stub, str(uuid4())) as events, asyncio.timeout(5):
            await anext(events)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_token_that_is_always_refused_ends_the_retries(mesh: Mesh) -> None:
    async def bad() -> str:
        return "not.a.token"

    stub = await mesh.stub(bad)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async with watch(stub, str(uuid4())) as events, asyncio.timeout(10):
            await anext(events)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def numbers_in(messages: Iterable[pb.WatchResponse]) -> list[int]:
    """Numbers of the entries in messages."""
    return [
        entry.number
        for message in messages
        for entry in ([message.entry] if message.HasField("entry") else message.entries.entries)
    ]


async def collect(events: AsyncIterator[pb.WatchResponse], into: list[pb.WatchResponse]) -> None:
    async for event in events:
        into.append(event)


async def later(holds: bool) -> bool:
    return holds
