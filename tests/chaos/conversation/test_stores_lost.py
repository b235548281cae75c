"""PostgreSQL crashes, Redis loses its data: no entry is lost, and every call is answered in time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub

from mesh.ids import uuid7
from mesh.security.authentication import bearer
from services.conversation.settings import ConversationSettings
from tests.chaos.run import FULL, SECONDS, amount
from tests.chaos.traffic import running_traffic
from tests.chaos.unary_calls import Answers
from tests.postgres_server import PostgresServer, postgres_server
from tests.redis_server import RedisServer, redis_server

if TYPE_CHECKING:
    from tests.chaos.conftest import Deployments
    from tests.chaos.run import Report

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(SECONDS)]

STOPS = amount(slice=2, full=12)
POLL_SECONDS: float = ConversationSettings.model_fields["conversation_poll_seconds"].default
DEADLINE_SECONDS = 5.0
LATE_SECONDS = 0.5
"""Tolerance for deadlines: gRPC's timers on a busy machine."""


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """Server that the test may stop."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """Server that the test may stop."""
    with redis_server() as server:
        yield server


async def test_nothing_is_lost_and_every_call_is_answered_though_postgres_crashes(
    deployments: Deployments, own_postgres: PostgresServer, report: Report
) -> None:
    async with deployments(READBACK_CONVERSATION_DATABASE_URL=own_postgres.new_database()) as deployment:
        (replica,) = deployment.cluster.replicas
        await deployment.cluster.start()
        answers, enough = Answers(), asyncio.Event()
        # Without the mesh's retries, because each single answer is checked.
        async with (
            running_traffic(deployment, conversations=3, pause=0.02) as traffic,
            grpc.aio.insecure_channel(replica.address) as channel,
        ):
            stub, metadata, conversation_id = (
                ConversationServiceStub(channel),
                bearer(traffic.customer.token),
                traffic.writers[0].conversation_id,
            )
            usual: dict[str, Any] = {"metadata": metadata, "timeout": DEADLINE_SECONDS}
            kinds = (
                lambda: stub.GetConversation(
                    pb.GetConversationRequest(conversation_id=conversation_id), **usual
                ),
                lambda: stub.ListEntries(pb.ListEntriesRequest(conversation_id=conversation_id), **usual),
                lambda: stub.StartConversation(pb.StartConversationRequest(request_id=uuid7()), **usual),
            )
            calling = [asyncio.create_task(answers.keep_asking(kind, enough)) for kind in kinds]
            for _ in range(STOPS):
                await traffic.progress(deployment, 5)
                await asyncio.to_thread(own_postgres.stop, "immediate")
                await asyncio.sleep(deployment.rng.uniform(0.1, 0.6))
                await asyncio.to_thread(own_postgres.start)
                report.counts["crashes"] += 1
            await traffic.progress(deployment, 5)
            enough.set()
            await asyncio.gather(*calling)
        assert {answer.code for answer in answers.refused()} <= {grpc.StatusCode.UNAVAILABLE}, answers.codes
        assert [answer for answer in answers.refused() if not answer.has_retry_info] == [], (
            "UNAVAILABLE without RetryInfo"
        )
        assert max(answer.seconds for answer in answers.all) < DEADLINE_SECONDS + LATE_SECONDS
        report.counts["refused with RetryInfo"] += len(answers.refused())
        report.add(deployment.history)


async def test_nothing_is_lost_though_redis_dies_and_forgets(
    deployments: Deployments, own_redis: RedisServer, postgres_url: str, report: Report
) -> None:
    settings = {"READBACK_CONVERSATION_DATABASE_URL": postgres_url, "READBACK_REDIS_URL": own_redis.url}
    async with deployments(replicas=2, **settings) as deployment:
        await deployment.cluster.start()
        writing_at, watching_at = (replica.address for replica in deployment.cluster.replicas)
        async with running_traffic(
            deployment, conversations=3, pause=0.03, writers_at=writing_at, watchers_at=watching_at
        ) as traffic:
            for _ in range(STOPS):
                await traffic.progress(deployment)
                own_redis.kill()
                await traffic.progress(deployment, 10)
                await asyncio.sleep(2 * POLL_SECONDS)
                own_redis.start()
                await traffic.progress(deployment)
                own_redis.flush()
                report.counts["Redis kills and flushes"] += 2
        if FULL:
            slowest = max(traffic.delays(deployment.history))
            report.measures["s until delivered, at most"] = round(slowest, 2)
            assert slowest < POLL_SECONDS + 1.0
        report.add(deployment.history)
