"""The dialogue over a real flight-data service on a free port, called with an agent's delegated token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from readback.flightdata.v1 import flightdata_service_pb2 as pb
from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub

from mesh.auth import TokenVerifier
from mesh.channel import open_channel
from mesh.clock import SystemClock
from mesh.server import running
from mesh.settings import load
from services.flightdata.app import member
from services.flightdata.settings import FlightDataSettings
from tests.mesh_tokens import KID, SigningKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub

FLIGHTDATA = pb.DESCRIPTOR.services_by_name["FlightDataService"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def flightdata(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FlightDataServiceAsyncStub]:
    """A stub with an agent's token."""
    key = SigningKey()

    async def keys(kid: str) -> EllipticCurvePublicKey | None:
        return key.public if kid == KID else None

    async def token() -> str:
        return key.agent_token("customer-1", call_id="call-1", conversation_id="conversation-1")

    async with AsyncExitStack() as stack:
        settings = load(FlightDataSettings, home=tmp_path_factory.mktemp("home"))
        served = await stack.enter_async_context(member(settings))
        served = replace(served, verifier=TokenVerifier(keys, clock=SystemClock()))
        address = (await stack.enter_async_context(running(served))).address
        yield FlightDataServiceStub(await stack.enter_async_context(open_channel(address, FLIGHTDATA, tokens=token)))
