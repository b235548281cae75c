"""The service is killed at the worst moments: writers and watchers notice only a pause."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from uuid import uuid4

import grpc
import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from services.conversation.client.recorder import CallLost, Recorder
from services.conversation.client.watcher import watch

if TYPE_CHECKING:
    from tests.chaos.cluster import Replica
    from tests.chaos.conftest import Deployments
    from tests.chaos.deployment import Deployment
    from tests.integration.conversation.mesh import Customer, Mesh

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

AGENT, CUSTOMER = entry_pb2.SPEAKER_AGENT, entry_pb2.SPEAKER_CUSTOMER


@pytest.fixture
async def deployment(deployments: Deployments) -> AsyncIterator[Deployment]:
    async with deployments() as deployed:
        await deployed.cluster.start()
        deployed.mesh.address = deployed.cluster.target
        yield deployed


@pytest.fixture
def mesh(deployment: Deployment) -> Mesh:
    return deployment.mesh


@pytest.fixture
def service(deployment: Deployment) -> Replica:
    return deployment.cluster.replicas[0]


async def collect(events: AsyncIterator[pb.WatchResponse], into: list[pb.WatchResponse]) -> None:
    async for event in events:
        into.append(event)


async def finish(customer: Customer, conversation_id: str) -> None:
    request = pb.EndConversationRequest(conversation_id=conversation_id, request_id=str(uuid4()))
    while True:
        try:
            await customer.stub.EndConversation(request)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
        else:
            return


def utterances(seen: list[pb.WatchResponse]) -> list[tuple[str, entry_pb2.Sealing.ValueType]]:
    found = [event.entry.utterance for event in seen if event.entry.HasField("utterance")]
    return [(utterance.text, utterance.sealing) for utterance in found]


def assert_whole(seen: list[pb.WatchResponse]) -> None:
    """Check that each entry was seen once, in order, without gaps."""
    numbers = [event.entry.number for event in seen if event.HasField("entry")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert seen[-1].end.reason == pb.WATCH_END_REASON_CONVERSATION_ENDED


async def test_watch_sees_every_entry_once_though_the_service_is_killed_in_mid_utterance(
    mesh: Mesh, service: Replica
) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    seen: list[pb.WatchResponse] = []
    spoken = str(uuid4())
    recorder = Recorder(await mesh.agent_stub(), call.call_id, 1)
    async with recorder, watch(customer.stub, call.conversation_id) as events:
        following = asyncio.create_task(collect(events, seen))
        recorder.seal(str(uuid4()), CUSTOMER, "Show me flights to Delhi")
        recorder.revise(spoken, AGENT, "There are")
        await recorder.flushed()
        await service.kill()
        recorder.revise(spoken, AGENT, "There are three")
        await service.start()
        recorder.seal(spoken, AGENT, "There are three flights.")
        await recorder.flushed()
        await recorder.close(entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
        await finish(customer, call.conversation_id)
        await following
    assert_whole(seen)
    # The writer lived, so the utterance is complete.
    final = entry_pb2.SEALING_FINAL
    assert utterances(seen) == [("Show me flights to Delhi", final), ("There are three flights.", final)]


async def test_utterance_is_truncated_only_when_its_writer_is_gone_too(mesh: Mesh, service: Replica) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    seen: list[pb.WatchResponse] = []
    writer = str(uuid4())
    async with watch(customer.stub, call.conversation_id) as events:
        following = asyncio.create_task(collect(events, seen))
        async with Recorder(await mesh.agent_stub(), call.call_id, 1, writer) as recorder:
            recorder.revise(str(uuid4()), AGENT, "There are three fl")
            await recorder.flushed()
            await service.kill()
        await service.start()
        await mesh.eventually(lambda: agent_lost(seen))
        with pytest.raises(CallLost):
            async with Recorder(await mesh.agent_stub(), call.call_id, 1, writer):
                pass
        await finish(customer, call.conversation_id)
        await following
    assert_whole(seen)
    assert utterances(seen) == [("There are three fl", entry_pb2.SEALING_TRUNCATED)]


async def agent_lost(seen: list[pb.WatchResponse]) -> bool:
    return any(event.entry.state_change.kind == entry_pb2.STATE_CHANGE_KIND_AGENT_LOST for event in seen)


async def test_terminated_service_leaves_cleanly_with_streams_open(mesh: Mesh, service: Replica) -> None:
    customer = await mesh.customer()
    call = await customer.call()
    seen: list[pb.WatchResponse] = []
    recorder = Recorder(await mesh.agent_stub(), call.call_id, 1)
    async with recorder, watch(customer.stub, call.conversation_id) as events:
        following = asyncio.create_task(collect(events, seen))
        recorder.seal(str(uuid4()), AGENT, "before")
        await recorder.flushed()
        async with asyncio.timeout(4):
            await service.terminate()
        await service.start()
        recorder.seal(str(uuid4()), AGENT, "after")
        await recorder.close(entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
        await finish(customer, call.conversation_id)
        await following
    assert_whole(seen)
    assert [text for text, _ in utterances(seen)] == ["before", "after"]
