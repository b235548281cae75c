"""PostgreSQL stops as in a crash, Redis dies and forgets: nothing is lost, callers are told in time, watchers wait a poll."""

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
from tests.chaos.callers import Answers
from tests.chaos.scale import FULL, SECONDS, amount
from tests.chaos.scenes import playing
from tests.postgres_server import PostgresServer, postgres_server
from tests.redis_server import RedisServer, redis_server

if TYPE_CHECKING:
    from tests.chaos.conftest import Worlds
    from tests.chaos.report import Report

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(SECONDS)]

STOPS = amount(slice=2, full=12)
POLL_SECONDS: float = ConversationSettings.model_fields["conversation_poll_seconds"].default
DEADLINE_SECONDS = 5.0
LATE_SECONDS = 0.5
"""What a deadline is overrun by at most: gRPC's own timers, on a busy machine."""


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server that may be hurt."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A server that may be hurt."""
    with redis_server() as server:
        yield server


async def test_nothing_is_lost_and_every_call_is_answered_though_postgres_crashes(
    worlds: Worlds, own_postgres: PostgresServer, report: Report
) -> None:
    async with worlds(READBACK_CONVERSATION_DATABASE_URL=own_postgres.new_database()) as world:
        (replica,) = world.cluster.replicas
        await world.cluster.start()
        answers, enough = Answers(), asyncio.Event()
        # A channel without the mesh's retries: what is looked at is each answer.
        async with (
            playing(world, conversations=3, pause=0.02) as scene,
            grpc.aio.insecure_channel(replica.address) as channel,
        ):
            stub, metadata, conversation_id = (
                ConversationServiceStub(channel),
                bearer(scene.customer.token),
                scene.pens[0].conversation_id,
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
                await scene.progress(world, 5)
                await asyncio.to_thread(own_postgres.stop, "immediate")
                await asyncio.sleep(world.dice.uniform(0.1, 0.6))
                await asyncio.to_thread(own_postgres.start)
                report.counts["crashes"] += 1
            await scene.progress(world, 5)
            enough.set()
            await asyncio.gather(*calling)
        assert {answer.code for answer in answers.refused()} <= {grpc.StatusCode.UNAVAILABLE}, answers.codes
        assert [answer for answer in answers.refused() if not answer.says_when] == [], (
            "UNAVAILABLE without RetryInfo"
        )
        assert max(answer.seconds for answer in answers.all) < DEADLINE_SECONDS + LATE_SECONDS
        report.counts["told to come back"] += len(answers.refused())
        report.of(world.history)


async def test_nothing_is_lost_though_redis_dies_and_forgets(
    worlds: Worlds, own_redis: RedisServer, postgres_url: str, report: Report
) -> None:
    settings = {"READBACK_CONVERSATION_DATABASE_URL": postgres_url, "READBACK_REDIS_URL": own_redis.url}
    async with worlds(replicas=2, **settings) as world:
        await world.cluster.start()
        writing_at, watching_at = (replica.address for replica in world.cluster.replicas)
        async with playing(
            world, conversations=3, pause=0.03, pens_at=writing_at, watchers_at=watching_at
        ) as scene:
            for _ in range(STOPS):
                await scene.progress(world)
                own_redis.kill()
                await scene.progress(world, 10)
                await asyncio.sleep(2 * POLL_SECONDS)
                own_redis.start()
                await scene.progress(world)
                own_redis.flush()
                report.counts["Redis kills and flushes"] += 2
        if FULL:
            slowest = max(scene.delays(world.history))
            report.measures["s until delivered, at most"] = round(slowest, 2)
            assert slowest < POLL_SECONDS + 1.0
        report.of(world.history)
