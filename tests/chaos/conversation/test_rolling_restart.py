"""Rolling restarts under load: no unary call fails with the shipped retry policy."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub

from mesh.ids import uuid7
from tests.chaos.run import SECONDS, amount
from tests.chaos.traffic import running_traffic
from tests.chaos.unary_calls import Answers
from tests.redis_server import RedisServer

if TYPE_CHECKING:
    from tests.chaos.conftest import Deployments
    from tests.chaos.run import Report

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(SECONDS)]

ROUNDS = amount(slice=1, full=10)
CALLERS = 8
CALL_EVERY_SECONDS = 0.25
"""There is no LiveKit here, and the service retries to close the room of each call for minutes."""


async def test_no_unary_call_fails_while_every_replica_is_restarted(
    deployments: Deployments, shared_redis: RedisServer, postgres_url: str, report: Report
) -> None:
    settings = {"READBACK_CONVERSATION_DATABASE_URL": postgres_url, "READBACK_REDIS_URL": shared_redis.url}
    async with deployments(replicas=2, **settings) as deployment:
        await deployment.cluster.start()
        answers, enough = Answers(), asyncio.Event()
        async with (
            running_traffic(deployment, conversations=3, pause=0.05) as traffic,
            deployment.channel(traffic.customer.token) as channel,
        ):
            stub, conversation_id = ConversationServiceStub(channel), traffic.writers[0].conversation_id

            async def short_call() -> None:
                """Start and end a call. `StartCall` is not retried by the policy."""
                begun = await stub.StartConversation(pb.StartConversationRequest(request_id=uuid7()))
                await stub.StartCall(pb.StartCallRequest(conversation_id=begun.conversation.conversation_id))
                ended = pb.EndConversationRequest(
                    conversation_id=begun.conversation.conversation_id, request_id=uuid7()
                )
                await stub.EndConversation(ended)
                await asyncio.sleep(CALL_EVERY_SECONDS)

            kinds = (
                lambda: stub.GetConversation(pb.GetConversationRequest(conversation_id=conversation_id)),
                lambda: stub.ListEntries(pb.ListEntriesRequest(conversation_id=conversation_id)),
                lambda: stub.StartConversation(pb.StartConversationRequest(request_id=uuid7())),
                short_call,
            )
            calling = [
                asyncio.create_task(answers.keep_asking(kinds[place % len(kinds)], enough))
                for place in range(CALLERS)
            ]
            for _ in range(ROUNDS):
                for replica in deployment.cluster.replicas:
                    await traffic.progress(deployment)
                    await replica.terminate()
                    assert replica.running.status == 0, "the replica did not drain"
                    await traffic.progress(deployment)
                    await replica.start()
                    report.counts["restarts"] += 1
            enough.set()
            await asyncio.gather(*calling)
        assert answers.refused() == []
        assert all(writer.agents == 1 for writer in traffic.writers), "an agent was declared lost, but lives"
        report.counts["unary calls"] += len(answers.all)
        report.add(deployment.history)
