"""Calls are cancelled by the thousand: tasks, descriptors and connections return to their earlier number."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import grpc
import psycopg
import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub

from mesh.ids import uuid7
from tests.chaos.cluster import Replica
from tests.chaos.run import FULL, SECONDS, amount
from tests.postgres_server import PostgresServer

if TYPE_CHECKING:
    from tests.chaos.conftest import Deployments
    from tests.chaos.run import Report

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(SECONDS)]

CALLS = amount(slice=1000, full=10_000)
CONCURRENCY = 50
SLACK = 12
"""Additional tasks and descriptors allowed, for connection pools and periodic tasks."""
MEMORY_MB = 40
"""Memory growth allowed for ten thousand calls."""


async def usage(replica: Replica) -> tuple[int, int]:
    """Return the number of tasks and of descriptors."""
    return await replica.tasks(), replica.running.descriptors()


async def settled(replica: Replica, before: tuple[int, int]) -> tuple[int, int]:
    """Return the usage once it is back at `before`, or after ten seconds."""
    for _ in range(40):
        now = await usage(replica)
        if not_more(now, before):
            break
        await asyncio.sleep(0.25)
    return now


def not_more(now: tuple[int, int], before: tuple[int, int]) -> bool:
    return all(after <= first + SLACK for after, first in zip(now, before, strict=True))


async def test_cancelled_calls_leave_nothing_behind(
    deployments: Deployments, postgres: PostgresServer, report: Report
) -> None:
    url = postgres.new_database()
    async with deployments(READBACK_CONVERSATION_DATABASE_URL=url) as deployment:
        (replica,) = deployment.cluster.replicas
        await deployment.cluster.start()
        customer = await deployment.customer()
        conversation_id = await customer.conversation()
        async with deployment.channel(customer.token) as channel:
            stub = ConversationServiceStub(channel)
            calls: tuple[Callable[[], Any], ...] = (
                lambda: stub.GetConversation(pb.GetConversationRequest(conversation_id=conversation_id)),
                lambda: stub.ListEntries(pb.ListEntriesRequest(conversation_id=conversation_id)),
                lambda: stub.StartConversation(pb.StartConversationRequest(request_id=uuid7())),
                lambda: stub.Watch(pb.WatchRequest(conversation_id=conversation_id)).read(),
            )

            async def cancelled(make: Callable[[], Awaitable[object]]) -> None:
                calling = asyncio.ensure_future(make())
                await asyncio.sleep(deployment.rng.uniform(0, 0.01))
                calling.cancel()
                await asyncio.gather(calling, return_exceptions=True)

            async def batches(count: int) -> None:
                for _ in range(0, count, CONCURRENCY):
                    await asyncio.gather(
                        *(cancelled(deployment.rng.choice(calls)) for _ in range(CONCURRENCY))
                    )

            await batches(10 * CONCURRENCY)  # fill pools, import modules
            before = await settled(replica, await usage(replica))
            memory = replica.running.resident()
            await batches(CALLS)
        after = await settled(replica, before)
        assert not_more(after, before), f"{before} → {after} tasks and descriptors"
        with psycopg.connect(postgres.conninfo(), autocommit=True) as connection:
            query = (
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = %s AND state LIKE 'idle in transaction%%'"
            )
            assert connection.execute(query, [url.rpartition("/")[2]]).fetchone() == (0,)
        growth = (replica.running.resident() - memory) / 2**20
        report.measures["MB more afterwards"] = round(growth, 1)
        assert not FULL or growth < MEMORY_MB
        answered = await customer.stub.GetConversation(
            pb.GetConversationRequest(conversation_id=conversation_id)
        )
        assert answered.conversation.conversation_id == conversation_id
        report.counts["cancelled calls"] += CALLS


async def test_connections_that_come_and_go_leave_nothing_behind(
    deployments: Deployments, report: Report
) -> None:
    async with deployments() as deployment:
        (replica,) = deployment.cluster.replicas
        await deployment.cluster.start()
        before = await usage(replica)
        for _ in range(0, CALLS, CONCURRENCY):
            ends = await asyncio.gather(
                *(asyncio.open_connection("127.0.0.1", replica.port) for _ in range(CONCURRENCY))
            )
            for number, (_, writer) in enumerate(ends):
                if number % 2:
                    writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
                writer.transport.abort()
        after = await settled(replica, before)
        assert not_more(after, before), f"{before} → {after} tasks and descriptors"
        async with grpc.aio.insecure_channel(replica.address) as channel:
            await asyncio.wait_for(channel.channel_ready(), 10)
        report.counts["connections"] += CALLS
