"""The contract of `Watch`: invalid cursors, filters, all conversations, deletions, endings, bytes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from sqlalchemy import update

from mesh.calling.channel import open_channel, streaming
from mesh.database.engine import open_engine
from mesh.database.transactions import writing
from mesh.errors import metadata_of, reason_of, violations_of
from services.conversation.app import CONVERSATION
from services.conversation.client.recorder import Recorder
from services.conversation.store.schema import log_identity

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

    from tests.integration.conversation.mesh import Customer, Mesh

pytestmark = pytest.mark.integration

AGENT, CUSTOMER = entry_pb2.SPEAKER_AGENT, entry_pb2.SPEAKER_CUSTOMER
TEXT = (
    "I would like a window seat on the morning flight from Chennai to Delhi "
    "with two bags and the return on Sunday"
)
WORDS = TEXT.split()


async def talk(mesh: Mesh, customer: Customer, turns: int = 4) -> pb.Call:
    """An ended call in which both sides spoke by turns, sixteen words each."""
    call, chance = await customer.call(), random.Random(1)
    async with Recorder(await mesh.agent_stub(), call.call_id, 1) as recorder:
        for turn in range(turns):
            recorder.seal(
                str(uuid4()), CUSTOMER if turn % 2 else AGENT, " ".join(chance.choices(WORDS, k=16))
            )
        await recorder.close(entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
    return call


async def followed(stub: ConversationServiceAsyncStub, request: pb.WatchRequest) -> list[pb.WatchResponse]:
    """Everything up to `caught_up`."""
    messages: list[pb.WatchResponse] = []
    async with streaming(stub.Watch(request)) as stream, asyncio.timeout(10):
        while not messages or not messages[-1].HasField("caught_up"):
            message = await stream.read()
            assert isinstance(message, pb.WatchResponse), "the stream ended early"
            messages.append(message)
    return messages


def entries_in(messages: list[pb.WatchResponse]) -> list[entry_pb2.Entry]:
    return [
        entry
        for message in messages
        for entry in ([message.entry] if message.HasField("entry") else message.entries.entries)
    ]


async def refused(stub: ConversationServiceAsyncStub, request: pb.WatchRequest) -> grpc.aio.AioRpcError:
    """The error of a watch at its start."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await followed(stub, request)
    return caught.value


@pytest.mark.parametrize(
    "request_",
    [
        pb.WatchRequest(start_commit_time=Timestamp(seconds=10**15)),
        pb.WatchRequest(heartbeat_interval=Duration(seconds=10**18)),
        pb.SearchEntriesRequest(query="flight", start_commit_time=Timestamp(seconds=-(10**15))),
        pb.SearchEntriesRequest(query="flight", end_commit_time=Timestamp(nanos=10**9)),
    ],
    ids=lambda request: request.ListFields()[-1][0].full_name,
)
async def test_invalid_time_is_refused_by_the_name_of_its_field(
    mesh: Mesh, request_: pb.WatchRequest | pb.SearchEntriesRequest
) -> None:
    customer = await mesh.customer()
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        if isinstance(request_, pb.WatchRequest):
            await followed(customer.stub, request_)
        else:
            await customer.stub.SearchEntries(request_)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in violations_of(raised.value)] == [
        request_.ListFields()[-1][0].name
    ]


async def test_first_and_last_valid_times_are_accepted(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await talk(mesh, customer)
    first, last = Timestamp(seconds=-62_135_596_800), Timestamp(seconds=253_402_300_799, nanos=999_999_999)
    longest = Duration(seconds=315_576_000_000)
    for log in ("", call.conversation_id):
        begun = pb.WatchRequest(conversation_id=log, start_commit_time=first, heartbeat_interval=longest)
        assert len(entries_in(await followed(customer.stub, begun))) == 7
        assert not entries_in(
            await followed(customer.stub, pb.WatchRequest(conversation_id=log, start_commit_time=last))
        )
    found = await customer.stub.SearchEntries(
        pb.SearchEntriesRequest(query="chennai", start_commit_time=first, end_commit_time=last)
    )
    assert found.results


async def test_cursor_of_one_kind_of_log_is_invalid_for_the_other(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await talk(mesh, customer)
    one = await followed(customer.stub, pb.WatchRequest(conversation_id=call.conversation_id))
    every = await followed(customer.stub, pb.WatchRequest())
    for request in (
        pb.WatchRequest(cursor=one[-1].cursor),
        pb.WatchRequest(conversation_id=call.conversation_id, cursor=every[-1].cursor),
        pb.WatchRequest(conversation_id=await customer.conversation(), cursor=one[-1].cursor),
    ):
        error = await refused(customer.stub, request)
        assert (error.code(), reason_of(error)) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "INVALID_CURSOR",
        )


async def test_cursor_of_another_customer_is_invalid(mesh: Mesh) -> None:
    mine, theirs = await mesh.customer(), await mesh.customer()
    cursor = (await followed(theirs.stub, pb.WatchRequest()))[-1].cursor
    assert reason_of(await refused(mine.stub, pb.WatchRequest(cursor=cursor))) == "INVALID_CURSOR"


@pytest.mark.parametrize("every", [False, True])
async def test_cursor_into_a_database_that_was_replaced_expires_and_the_earliest_one_works(
    lone_mesh: Mesh, every: bool
) -> None:
    async with lone_mesh.conversation() as address:
        customer = await lone_mesh.customer()
        call = await talk(lone_mesh, customer)
        request = pb.WatchRequest(conversation_id="" if every else call.conversation_id)
        before = await followed(customer.stub, request)
    engine = open_engine(lone_mesh.settings().database_url)
    async with writing(engine) as connection:
        await connection.execute(update(log_identity).values(incarnation=uuid4().bytes))
    await engine.dispose()
    async with lone_mesh.conversation(port=int(address.rpartition(":")[2])):
        request.cursor = before[-1].cursor
        error = await refused(customer.stub, request)
        assert (error.code(), reason_of(error)) == (
            grpc.StatusCode.OUT_OF_RANGE,
            "CURSOR_EXPIRED",
        )
        request.cursor = metadata_of(error)["earliest_cursor"]
        assert entries_in(await followed(customer.stub, request)) == entries_in(before)


async def test_filtered_watch_moves_its_cursor_past_filtered_entries(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await talk(mesh, customer)
    of_customer = pb.EntryFilter(speakers=[CUSTOMER])
    messages = await followed(
        customer.stub, pb.WatchRequest(conversation_id=call.conversation_id, filter=of_customer)
    )
    assert [entry.utterance.speaker for entry in entries_in(messages)] == [CUSTOMER, CUSTOMER]
    rest = await followed(
        customer.stub, pb.WatchRequest(conversation_id=call.conversation_id, cursor=messages[-1].cursor)
    )
    assert entries_in(rest) == [], "the cursor of `caught_up` stands after what was left out, too"
    changes = pb.EntryFilter(kinds=[pb.ENTRY_KIND_STATE_CHANGE])
    messages = await followed(
        customer.stub, pb.WatchRequest(conversation_id=call.conversation_id, filter=changes)
    )
    assert {entry.WhichOneof("content") for entry in entries_in(messages)} == {"state_change"}


async def test_all_conversations_in_one_stream_with_deletions(mesh: Mesh) -> None:
    customer = await mesh.customer()
    first, second = [await talk(mesh, customer) for _ in range(2)]
    async with streaming(customer.stub.Watch(pb.WatchRequest())) as stream, asyncio.timeout(10):
        seen: list[pb.WatchResponse] = []
        while not seen or not seen[-1].HasField("caught_up"):
            seen.append(await anext(aiter(stream)))
        assert [entry.conversation_id for entry in entries_in(seen)] == [first.conversation_id] * 7 + [
            second.conversation_id
        ] * 7
        request = pb.DeleteConversationRequest(conversation_id=first.conversation_id, request_id=str(uuid4()))
        await customer.stub.DeleteConversation(request)
        deleted = await stream.read()
        assert isinstance(deleted, pb.WatchResponse)
        assert (deleted.WhichOneof("event"), deleted.deleted.conversation_id) == (
            "deleted",
            first.conversation_id,
        )
    for cursor in (message.cursor for message in seen):
        later = await followed(customer.stub, pb.WatchRequest(cursor=cursor))
        assert first.conversation_id in [
            message.deleted.conversation_id for message in later if message.HasField("deleted")
        ]
        assert {entry.conversation_id for entry in entries_in(later)} <= {second.conversation_id}


async def test_all_conversations_from_now_on_with_new_ones_and_their_titles(mesh: Mesh) -> None:
    customer = await mesh.customer()
    await talk(mesh, customer)
    request = pb.WatchRequest(from_now=True, include_conversation=True)
    async with streaming(customer.stub.Watch(request)) as stream, asyncio.timeout(20):
        caught_up, known = await stream.read(), await stream.read()
        assert isinstance(caught_up, pb.WatchResponse)
        assert isinstance(known, pb.WatchResponse)
        assert caught_up.HasField("caught_up")
        assert caught_up.cursor
        assert known.conversation.title
        call = await talk(mesh, customer)
        titles, entries = [], 0
        async for message in stream:
            entries += len(entries_in([message]))
            if message.conversation.conversation_id == call.conversation_id:
                titles.append(message.conversation.title)
                if titles[-1] and not message.conversation.HasField("running_call"):
                    break
    assert titles[0] == ""
    assert entries == 7


async def test_from_now_is_true_or_absent(mesh: Mesh) -> None:
    customer = await mesh.customer()
    error = await refused(customer.stub, pb.WatchRequest(from_now=False))
    assert [violation.field for violation in violations_of(error)] == ["from_now"]


async def test_watch_of_a_conversation_ends_when_it_is_deleted(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await talk(mesh, customer)
    async with (
        streaming(customer.stub.Watch(pb.WatchRequest(conversation_id=call.conversation_id))) as stream,
        asyncio.timeout(10),
    ):
        while not (await anext(aiter(stream))).HasField("caught_up"):
            pass
        request = pb.DeleteConversationRequest(conversation_id=call.conversation_id, request_id=str(uuid4()))
        await customer.stub.DeleteConversation(request)
        rest = [message async for message in stream]
    assert [message.end.reason for message in rest] == [pb.WATCH_END_REASON_CONVERSATION_DELETED]


async def test_agent_follows_its_call_s_conversation_and_no_other(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    async with Recorder(await mesh.agent_stub(), call.call_id, 1) as recorder:
        agent = ConversationServiceStub(await mesh.delegated(recorder.opened.grant))
        assert entries_in(await followed(agent, pb.WatchRequest(conversation_id=call.conversation_id)))
        now = pb.WatchRequest(conversation_id=call.conversation_id, from_now=True, include_conversation=True)
        async with streaming(agent.Watch(now)) as stream, asyncio.timeout(10):
            caught_up, own = await stream.read(), await stream.read()
        assert isinstance(caught_up, pb.WatchResponse)
        assert isinstance(own, pb.WatchResponse)
        assert caught_up.HasField("caught_up")
        assert own.conversation.running_call.call_id == call.call_id
        for other in ("", await customer.conversation()):
            error = await refused(agent, pb.WatchRequest(conversation_id=other))
            assert (error.code(), reason_of(error)) == (
                grpc.StatusCode.NOT_FOUND,
                "CONVERSATION_NOT_FOUND",
            )


async def test_too_slow_watcher_gets_the_cursor_to_resume_from(lone_mesh: Mesh) -> None:
    async with lone_mesh.conversation(watcher_patience_seconds=0.3):
        customer = await lone_mesh.customer()
        call = await customer.call()
        async with Recorder(await lone_mesh.agent_stub(), call.call_id, 1) as recorder:
            for number in range(400):  # 6 MB: more than gRPC buffers for who doesn't read
                recorder.seal(
                    str(uuid4()), AGENT, f"{number} " + "".join(random.choices("abcdefghijklmnop", k=15_000))
                )
            await recorder.flushed()
            seen: list[pb.WatchResponse] = []
            async with (
                streaming(
                    customer.stub.Watch(pb.WatchRequest(conversation_id=call.conversation_id))
                ) as stream,
                asyncio.timeout(30),
            ):
                await asyncio.sleep(1)  # the slow watcher
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    async for message in stream:
                        seen.append(message)
            assert (caught.value.code(), reason_of(caught.value)) == (
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "WATCHER_TOO_SLOW",
            )
            cursor = metadata_of(caught.value)["cursor"]
            assert cursor == seen[-1].cursor
            rest = await followed(
                customer.stub, pb.WatchRequest(conversation_id=call.conversation_id, cursor=cursor)
            )
            numbers = [entry.number for entry in entries_in(seen + rest)]
            assert numbers == list(range(1, 403))


async def test_replay_of_a_talk_costs_little_more_than_its_text(mesh: Mesh) -> None:
    customer = await mesh.customer()
    call = await talk(mesh, customer, turns=60)
    async with counted(mesh.address) as (address, count), AsyncExitStack() as stack:

        async def own() -> str:
            return customer.token

        stub = ConversationServiceStub(
            await stack.enter_async_context(open_channel(address, *CONVERSATION, tokens=own))
        )
        await stub.GetConversation(pb.GetConversationRequest(conversation_id=call.conversation_id))
        before = count()
        messages = await followed(stub, pb.WatchRequest(conversation_id=call.conversation_id))
        text = sum(len(entry.utterance.text.encode()) for entry in entries_in(messages))
        assert (count() - before) / text <= 1.25


@asynccontextmanager
async def counted(address: str) -> AsyncIterator[tuple[str, Callable[[], int]]]:
    """A proxy that counts the bytes a server sends: its address, and the count."""
    host, _, port = address.rpartition(":")
    sent = 0

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, counts: bool) -> None:
        nonlocal sent
        while data := await source.read(65536):
            sent += len(data) if counts else 0
            sink.write(data)
            await sink.drain()
        sink.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, int(port))
        await asyncio.gather(
            pump(reader, back, counts=False), pump(there, writer, counts=True), return_exceptions=True
        )

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", lambda: sent
