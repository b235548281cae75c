"""A real flight-data service and a real identity service, on free ports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from readback.flightdata.v1 import flightdata_service_pb2
from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub
from readback.identity.v1 import identity_service_pb2
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from mesh.calling.channel import open_channel
from mesh.serving.grpc_server import running
from mesh.settings import load
from services.flightdata.app import grpc_service
from services.flightdata.settings import FlightDataSettings
from services.identity.app import grpc_service as identity_service
from services.identity.settings import IdentitySettings

if TYPE_CHECKING:
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub

FLIGHTDATA = flightdata_service_pb2.DESCRIPTOR.services_by_name["FlightDataService"]
IDENTITY = identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[str, str]]:
    """The address of the service, and the token of a customer who has just registered."""
    home = tmp_path_factory.mktemp("home")
    async with AsyncExitStack() as stack:
        identity = await stack.enter_async_context(
            identity_service(load(IdentitySettings, home=home, identity_bcrypt_cost=4))
        )
        where = (await stack.enter_async_context(running(identity))).address
        accounts = IdentityServiceStub(await stack.enter_async_context(open_channel(where, IDENTITY)))
        password = "a long walk in the park"
        account = identity_service_pb2.RegisterRequest(
            email="ada@example.com", password=password, display_name="Ada"
        )
        token = (await accounts.Register(account)).tokens.access_token
        service = await stack.enter_async_context(
            grpc_service(load(FlightDataSettings, home=home, identity_address=where))
        )
        yield (await stack.enter_async_context(running(service))).address, token


@pytest.fixture(scope="module")
def flightdata_address(served: tuple[str, str]) -> str:
    """The address of the service."""
    return served[0]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def flightdata(served: tuple[str, str]) -> AsyncIterator[FlightDataServiceAsyncStub]:
    """The service, called by the customer."""
    address, token = served

    async def own() -> str:
        return token

    async with open_channel(address, FLIGHTDATA, tokens=own) as channel:
        yield FlightDataServiceStub(channel)
