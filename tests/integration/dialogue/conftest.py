"""The dialogue over a real flight-data service on a free port, called with an agent's delegated token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from readback.flightdata.v1 import flightdata_service_pb2
from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub

from doubles.aviationstack.server import AviationStackDouble
from doubles.flightapi.server import FlightApiDouble
from doubles.serving import served
from doubles.world import World
from mesh.calling.channel import open_channel
from mesh.clock import SystemClock
from mesh.security.authentication import TokenVerifier
from mesh.serving.grpc_server import running
from mesh.settings import load
from services.flightdata.app import grpc_service
from services.flightdata.settings import FlightDataSettings
from tests.mesh_tokens import KID, SigningKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub

FLIGHTDATA = flightdata_service_pb2.DESCRIPTOR.services_by_name["FlightDataService"]


@asynccontextmanager
async def _serving(settings: FlightDataSettings) -> AsyncIterator[FlightDataServiceAsyncStub]:
    """The service, called with an agent's token."""
    key = SigningKey()

    async def keys(kid: str) -> EllipticCurvePublicKey | None:
        return key.public if kid == KID else None

    async def token() -> str:
        return key.agent_token("customer-1", call_id="call-1", conversation_id="conversation-1")

    async with AsyncExitStack() as stack:
        ours = replace(
            await stack.enter_async_context(grpc_service(settings)),
            verifier=TokenVerifier(keys, clock=SystemClock()),
        )
        address = (await stack.enter_async_context(running(ours))).address
        yield FlightDataServiceStub(
            await stack.enter_async_context(open_channel(address, FLIGHTDATA, tokens=token))
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def flightdata(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FlightDataServiceAsyncStub]:
    """A stub with an agent's token, over the sample timetable."""
    async with _serving(load(FlightDataSettings, home=tmp_path_factory.mktemp("home"))) as stub:
        yield stub


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def flightdata_of_vendors(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[FlightDataServiceAsyncStub]:
    """A stub with an agent's token, over the doubles of both vendors."""
    world = World()
    async with served(AviationStackDouble(world).app()) as one, served(FlightApiDouble(world).app()) as other:
        vendors = {
            "aviationstack_spacing_seconds": 0,
            "AVIATIONSTACK_API_KEY": "demo",
            "AVIATIONSTACK_BASE_URL": f"{one}/v1",
            "FLIGHTAPI_API_KEY": "demo",
            "FLIGHTAPI_BASE_URL": other,
        }
        async with _serving(
            load(FlightDataSettings, home=tmp_path_factory.mktemp("home"), **vendors)
        ) as stub:
            yield stub
