"""The service with vendors and a cache: two replicas over one Redis, and a restart."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import redis
from readback.flightdata.v1 import flight_status_pb2, flightdata_service_pb2
from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub
from readback.identity.v1 import identity_service_pb2
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from doubles.aviationstack.server import AviationStackDouble
from doubles.serving import served
from doubles.world import World
from mesh.calling.channel import open_channel
from mesh.serving.grpc_server import running
from mesh.serving.inbound_call import PUSHBACK
from mesh.settings import load
from services.flightdata.app import grpc_service
from services.flightdata.settings import FlightDataSettings
from services.identity.app import grpc_service as identity_service
from services.identity.settings import IdentitySettings
from tests.redis_server import RedisServer

if TYPE_CHECKING:
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub

pytestmark = pytest.mark.integration

FLIGHTDATA = flightdata_service_pb2.DESCRIPTOR.services_by_name["FlightDataService"]
IDENTITY = identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"]
WORLD = World()
ROUTE = flightdata_service_pb2.GetRouteRequest(origin="MAA", destination="DEL")
FROM_ICELAND = [flight.code for flight in (*WORLD.by_pair["KEF", "OSL"], *WORLD.by_pair["KEF", "AMS"])]
"""Flights from UTC: elsewhere the vendor has no rows of today at some hours and is asked twice."""
STATUS = flight_status_pb2.GetFlightStatusRequest(flight_number=FROM_ICELAND[0])


@asynccontextmanager
async def _replicas(
    home: Path, double: AviationStackDouble, count: int = 1, **more: Any
) -> AsyncIterator[list[FlightDataServiceAsyncStub]]:
    """Start replicas of the service in front of one double, with stubs of a customer."""
    async with AsyncExitStack() as stack:
        identity = await stack.enter_async_context(
            identity_service(load(IdentitySettings, home=home, identity_bcrypt_cost=4))
        )
        where = (await stack.enter_async_context(running(identity))).address
        accounts = IdentityServiceStub(await stack.enter_async_context(open_channel(where, IDENTITY)))
        email = f"{os.urandom(4).hex()}@example.com"
        account = identity_service_pb2.RegisterRequest(
            email=email, password="a long walk in the park", display_name="A"
        )
        token = (await accounts.Register(account)).tokens.access_token

        async def own() -> str:
            return token

        vendor = f"{await stack.enter_async_context(served(double.app()))}/v1"
        settings = load(
            FlightDataSettings,
            home=home,
            identity_address=where,
            AVIATIONSTACK_API_KEY="demo",
            AVIATIONSTACK_BASE_URL=vendor,
            **more,
        )
        stubs = []
        for _ in range(count):
            replica = await stack.enter_async_context(grpc_service(settings))
            address = (await stack.enter_async_context(running(replica))).address
            stubs.append(
                FlightDataServiceStub(
                    await stack.enter_async_context(open_channel(address, FLIGHTDATA, tokens=own))
                )
            )
        yield stubs


async def test_a_cached_status_has_its_age_and_needs_no_call(tmp_path: Path) -> None:
    double = AviationStackDouble(WORLD)
    async with _replicas(tmp_path, double) as (stub,):
        first = (await stub.GetFlightStatus(STATUS)).statuses[0]
        again = (await stub.GetFlightStatus(STATUS)).statuses[0]
    assert len(double.calls) == 1
    assert (first.provenance.cached, again.provenance.cached) == (False, True)
    assert first.provenance.fetch_time == again.provenance.fetch_time
    assert again.provenance.age.ToTimedelta() > first.provenance.age.ToTimedelta()


async def test_simultaneous_equal_requests_on_two_replicas_are_one_call(
    tmp_path: Path, shared_redis: RedisServer
) -> None:
    shared_redis.flush()
    double = AviationStackDouble(WORLD)
    async with _replicas(tmp_path, double, 2, redis_url=shared_redis.url) as stubs:
        responses = await asyncio.gather(*(stub.GetFlightStatus(STATUS) for _ in range(25) for stub in stubs))
    assert len({answer.statuses[0].provenance.fetch_time.ToNanoseconds() for answer in responses}) == 1
    assert len(double.calls) == 1
    with redis.Redis(port=shared_redis.port) as client:
        kept = [key + (client.dump(key) or b"") for key in client.keys("*")]
    assert kept
    assert not any(b"demo" in entry for entry in kept), "the key isn't stored"


async def test_a_budget_outlasts_a_restart(tmp_path: Path) -> None:
    double = AviationStackDouble(WORLD)
    codes = []
    for flight in FROM_ICELAND[:3]:
        async with _replicas(tmp_path, double, aviationstack_monthly_calls=2) as (stub,):
            try:
                await stub.GetFlightStatus(flight_status_pb2.GetFlightStatusRequest(flight_number=flight))
                codes.append(grpc.StatusCode.OK)
            except grpc.aio.AioRpcError as error:
                codes.append(error.code())
    assert codes == [grpc.StatusCode.OK, grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED]
    assert len(double.calls) == 2


async def test_the_clients_channel_does_not_retry_a_failed_vendor(
    tmp_path: Path,
) -> None:
    double = AviationStackDouble(WORLD)
    double.terms = type(double.terms)(keys=frozenset())
    async with _replicas(tmp_path, double) as (stub,):
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await stub.GetFlightStatus(STATUS)
    assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
    assert dict(failed.value.trailing_metadata() or ()).get(PUSHBACK) == "-1"
    assert len(double.calls) == 1
