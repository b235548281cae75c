"""Two replicas on one PostgreSQL act as one service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from uuid import uuid4

import grpc
import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.calling.channel import streaming
from mesh.errors import reason_of
from mesh.ids import uuid7
from services.conversation.client.recorder import CallEnded, Recorder
from tests.integration.conversation.cluster import Cluster

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

    from tests.integration.conversation.mesh import Mesh
    from tests.postgres_server import PostgresServer
    from tests.redis_server import RedisServer

pytestmark = pytest.mark.integration

AGENT = entry_pb2.SPEAKER_AGENT


@pytest.fixture(params=["with Redis", "without Redis"])
async def cluster(
    request: pytest.FixtureRequest, lone_mesh: Mesh, postgres: PostgresServer, shared_redis: RedisServer
) -> AsyncIterator[Cluster]:
    redis_url = shared_redis.url if request.param == "with Redis" else ""
    async with AsyncExitStack() as stack:
        made = Cluster(
            lone_mesh,
            stack,
            conversation_database_url=postgres.new_database(),
            redis_url=redis_url,
            conversation_calls_per_customer=1,
        )
        await made.start()
        yield made


async def state_of(stub: ConversationServiceAsyncStub, call: pb.Call) -> pb.Call:
    found = await stub.GetConversation(pb.GetConversationRequest(conversation_id=call.conversation_id))
    return found.conversation.running_call


async def changes(stub: ConversationServiceAsyncStub, call: pb.Call) -> list[str]:
    listed = await stub.ListEntries(pb.ListEntriesRequest(conversation_id=call.conversation_id))
    kinds = [entry.state_change.kind for entry in listed.entries if entry.HasField("state_change")]
    return [entry_pb2.StateChangeKind.Name(kind).removeprefix("STATE_CHANGE_KIND_") for kind in kinds]


async def test_call_held_on_one_replica_is_not_lost_for_the_other(cluster: Cluster) -> None:
    customer = await cluster.mesh.customer()
    call = await customer.call()
    async with Recorder(await cluster.agent_at(cluster.one), call.call_id, 1) as recorder:
        await asyncio.sleep(4)  # longer than a call without a stream is kept
        recorder.seal(uuid7(), AGENT, "Still here.")
        await recorder.flushed()
        assert (await state_of(customer.stub, call)).epoch == 1
    assert await changes(customer.stub, call) == ["CALL_STARTED", "AGENT_JOINED"]


async def test_hanging_up_on_one_replica_ends_the_stream_on_the_other(cluster: Cluster) -> None:
    customer = await cluster.mesh.customer()
    call = await customer.call()
    async with Recorder(await cluster.agent_at(cluster.one), call.call_id, 1) as recorder:
        elsewhere = await cluster.customer_at(cluster.other, customer.token)
        await elsewhere.EndCall(pb.EndCallRequest(call_id=call.call_id, request_id=uuid7()))
        async with asyncio.timeout(5):
            assert isinstance(await recorder.over(), CallEnded)


async def test_agent_with_a_broken_stream_continues_on_the_other_replica(cluster: Cluster) -> None:
    customer = await cluster.mesh.customer()
    call, writer = await customer.call(), str(uuid4())
    async with Recorder(await cluster.agent_at(cluster.one), call.call_id, 1, writer) as recorder:
        recorder.seal(uuid7(), AGENT, "Before.")
        await recorder.flushed()
    async with Recorder(await cluster.agent_at(cluster.other), call.call_id, 1, writer) as recorder:
        recorder.seal(uuid7(), AGENT, "After.")
        await recorder.flushed()
        await asyncio.sleep(2)  # longer than a broken stream may take to return
        assert (await state_of(customer.stub, call)).epoch == 1


async def test_lost_agent_is_replaced_once(cluster: Cluster) -> None:
    customer = await cluster.mesh.customer()
    call = await customer.call()
    async with Recorder(await cluster.agent_at(cluster.one), call.call_id, 1):
        pass  # leaves without `close`

    async def replaced() -> bool:
        return (await state_of(customer.stub, call)).epoch > 1

    await cluster.mesh.eventually(replaced)
    assert (await changes(customer.stub, call)).count("AGENT_LOST") == 1


async def test_entries_from_one_replica_reach_watchers_of_the_other(cluster: Cluster) -> None:
    customer = await cluster.mesh.customer()
    call = await customer.call()
    elsewhere = await cluster.customer_at(cluster.other, customer.token)
    request = pb.WatchRequest(conversation_id=call.conversation_id)
    async with (
        Recorder(await cluster.agent_at(cluster.one), call.call_id, 1) as recorder,
        streaming(elsewhere.Watch(request)) as watch,
    ):
        async for response in watch:
            if response.HasField("caught_up"):
                break
        recorder.seal(uuid7(), AGENT, "Can you hear me over there?")
        async with asyncio.timeout(10):
            async for response in watch:
                if response.entry.utterance.text == "Can you hear me over there?":
                    break


async def test_same_request_to_both_replicas_is_executed_once(cluster: Cluster) -> None:
    customer = await cluster.mesh.customer()
    stubs = [await cluster.customer_at(replica, customer.token) for replica in (cluster.one, cluster.other)]
    for _ in range(5):
        request = pb.StartConversationRequest(request_id=uuid7())
        answers = await asyncio.gather(*(stub.StartConversation(request) for stub in stubs * 3))
        assert len({answer.conversation.conversation_id for answer in answers}) == 1


@pytest.mark.parametrize("conversations", [1, 2])
async def test_concurrent_starts_on_both_replicas_give_one_call(cluster: Cluster, conversations: int) -> None:
    customer = await cluster.mesh.customer()
    stubs = [await cluster.customer_at(replica, customer.token) for replica in (cluster.one, cluster.other)]
    begun = [await customer.conversation() for _ in range(conversations)]
    starts = [
        stub.StartCall(pb.StartCallRequest(conversation_id=conversation_id))
        for stub, conversation_id in zip(stubs, (begun * 2)[:2], strict=True)
    ]
    outcomes = await asyncio.gather(*starts, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]
    assert [reason_of(error) for error in refused] == ["CALL_RUNNING"]


@pytest.mark.timeout(120)
async def test_rolling_restart_under_load_fails_no_call_and_loses_no_word(cluster: Cluster) -> None:
    customer = await cluster.mesh.customer()
    call = await customer.call()
    asked, said, over = 0, list[str](), False

    async def ask() -> None:
        nonlocal asked
        while not over:
            await customer.stub.ListEntries(pb.ListEntriesRequest(conversation_id=call.conversation_id))
            started = await customer.stub.StartConversation(pb.StartConversationRequest(request_id=uuid7()))
            await customer.stub.EndConversation(
                pb.EndConversationRequest(
                    conversation_id=started.conversation.conversation_id, request_id=uuid7()
                )
            )
            asked += 3
            await asyncio.sleep(0.05)  # some load, without using up the processor

    async with Recorder(await cluster.mesh.agent_stub(), call.call_id, 1) as recorder, asyncio.timeout(100):

        async def say(count: int) -> None:
            for _ in range(count):
                said.append(f"Word {len(said)}.")
                recorder.seal(uuid7(), AGENT, said[-1])
                await recorder.flushed()

        async with asyncio.TaskGroup() as tasks:
            for _ in range(2):
                tasks.create_task(ask())
            for replica in (cluster.one, cluster.other):
                await say(10)
                await replica.stop()
                await say(10)
                await replica.start()
                await say(10)
            over = True
        assert (await state_of(customer.stub, call)).epoch == 1
    listed = await customer.stub.ListEntries(
        pb.ListEntriesRequest(conversation_id=call.conversation_id, page_size=500)
    )
    assert [entry.utterance.text for entry in listed.entries if entry.HasField("utterance")] == said
    assert asked > 0


async def test_service_works_if_redis_is_down_from_the_start(lone_mesh: Mesh) -> None:
    async with lone_mesh.conversation(redis_url="redis://127.0.0.1:9/0"):
        customer = await lone_mesh.customer()
        call = await customer.call()
        async with Recorder(await lone_mesh.agent_stub(), call.call_id, 1) as recorder:
            recorder.seal(uuid7(), AGENT, "Who needs Redis?")
            async with asyncio.timeout(10):
                await recorder.flushed()
