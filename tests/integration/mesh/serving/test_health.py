"""gRPC health: states of services, watches of changes, and the end of watches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mesh.serving.health_and_metrics import Health

pytestmark = pytest.mark.integration

SERVING, NOT_SERVING, UNKNOWN = (
    health_pb2.HealthCheckResponse.SERVING,
    health_pb2.HealthCheckResponse.NOT_SERVING,
    health_pb2.HealthCheckResponse.SERVICE_UNKNOWN,
)


@pytest.fixture
async def health() -> AsyncIterator[tuple[Health, Any, grpc.aio.Server]]:
    states, server = Health(), grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(states, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield states, health_pb2_grpc.HealthStub(channel), server
    await server.stop(None)


def asked(service: str) -> health_pb2.HealthCheckRequest:
    return health_pb2.HealthCheckRequest(service=service)


async def test_each_service_has_its_own_state(health: tuple[Health, Any, grpc.aio.Server]) -> None:
    states, stub, _ = health
    states.serve("", "flights")
    assert (await stub.Check(asked("flights"))).status == SERVING
    assert (await stub.Check(asked(""))).status == SERVING
    states.drain()
    assert (await stub.Check(asked("flights"))).status == NOT_SERVING


async def test_unknown_service_is_not_found(health: tuple[Health, Any, grpc.aio.Server]) -> None:
    _, stub, _ = health
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.Check(asked("nothing"))
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_watch_sends_each_change_once_and_ends_when_closed(
    health: tuple[Health, Any, grpc.aio.Server],
) -> None:
    states, stub, _ = health
    watch = stub.Watch(asked("flights"))
    async with asyncio.timeout(5):
        assert (await watch.read()).status == UNKNOWN
        states.serve("flights")
        assert (await watch.read()).status == SERVING
        states.serve("bookings")  # changes nothing here
        states.drain()
        assert (await watch.read()).status == NOT_SERVING
        states.close_watches()
        assert await watch.read() is grpc.aio.EOF


async def test_closed_watches_do_not_delay_the_servers_stop(
    health: tuple[Health, Any, grpc.aio.Server],
) -> None:
    states, stub, server = health
    states.serve("flights")
    watches = [stub.Watch(asked("flights")) for _ in range(5)]
    for watch in watches:
        await watch.read()
    states.close_watches()
    async with asyncio.timeout(5):
        await server.stop(60)
    states.drain()


async def test_a_watch_that_begins_after_closing_ends(health: tuple[Health, Any, grpc.aio.Server]) -> None:
    states, stub, _ = health
    states.close_watches()
    async with asyncio.timeout(5):
        assert await stub.Watch(asked("flights")).read() is grpc.aio.EOF
