"""The gateway over real identity, conversation and flight-data services, on free ports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import pytest_asyncio
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub
from readback.identity.v1 import identity_service_pb2
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from readback.internal.conversation.v1 import call_record_service_pb2
from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceStub
from readback.internal.identity.v1.identity_internal_service_pb2_grpc import IdentityInternalServiceStub

from mesh.calling.channel import open_channel
from mesh.security import revocations
from mesh.security.secrets import SecretStore
from mesh.security.workload_identity import WorkloadIdentity
from mesh.serving import web_server
from mesh.serving.grpc_server import running
from mesh.serving.ports import Endpoint
from mesh.settings import load
from services.booking.app import grpc_service as booking_service
from services.booking.settings import BookingSettings
from services.conversation.app import grpc_service as conversation_service
from services.conversation.client.recorder import Recorder
from services.conversation.settings import ConversationSettings
from services.flightdata.app import grpc_service
from services.flightdata.settings import FlightDataSettings
from services.gateway.app import FLIGHTDATA, IDENTITY, gateway
from services.gateway.mcp.http_access import mcp_app
from services.gateway.settings import GatewaySettings
from services.identity.app import grpc_service as identity_service
from services.identity.settings import IdentitySettings

if TYPE_CHECKING:
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub

CALL_RECORD = call_record_service_pb2.DESCRIPTOR.services_by_name["CallRecordService"]


@dataclass(frozen=True, slots=True)
class Mesh:
    """The services behind the gateway, and a new customer."""

    home: Path
    identity_address: str
    conversation_address: str
    flightdata_address: str
    booking_address: str
    flightdata: FlightDataServiceAsyncStub
    token: str
    """Access token of the customer."""

    @asynccontextmanager
    async def gateway(self, **settings: Any) -> AsyncIterator[str]:
        """Run the MCP server with these settings; yield its URL."""
        loaded = self._settings(**settings)
        async with gateway(loaded) as built:
            app = mcp_app(built.mcp, built.callers, loaded.hosts, loaded.cors_origins)
            async with web_server.running(app, web_server.WebServer("gateway", Endpoint(), 1)) as server:
                yield server.url + "/mcp"

    @asynccontextmanager
    async def http_gateway(self, port: int = 0, **settings: Any) -> AsyncIterator[str]:
        """Run the HTTP gateway with these settings; yield its URL."""
        async with (
            gateway(self._settings(**settings)) as built,
            web_server.running(built.http, web_server.WebServer("gateway", Endpoint(port=port), 1)) as server,
        ):
            yield server.url

    @asynccontextmanager
    async def recorder(self, call_id: str) -> AsyncIterator[Recorder]:
        """Record a customer's call as its agent."""
        async with AsyncExitStack() as stack:
            identity = IdentityInternalServiceStub(
                await stack.enter_async_context(open_channel(self.identity_address, *revocations.IDENTITY))
            )
            agent = WorkloadIdentity("agent", SecretStore(self.home / "secrets").actor_key("agent"), identity)
            channel = open_channel(self.conversation_address, CALL_RECORD, tokens=agent.own_token)
            stub = CallRecordServiceStub(await stack.enter_async_context(channel))
            async with Recorder(stub, call_id, 1) as recorder:
                yield recorder
                await recorder.flushed()

    def _settings(self, **settings: Any) -> GatewaySettings:
        addresses = {
            "identity_address": self.identity_address,
            "conversation_address": self.conversation_address,
            "flightdata_address": self.flightdata_address,
            "booking_address": self.booking_address,
        }
        return load(GatewaySettings, home=self.home, **(addresses | settings))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    """The services, shared by a module's tests."""
    async with running_mesh(tmp_path_factory.mktemp("home")) as services:
        yield services


@asynccontextmanager
async def running_mesh(home: Path) -> AsyncIterator[Mesh]:
    """Run the services until the block ends."""
    async with AsyncExitStack() as stack:
        identity = await stack.enter_async_context(
            identity_service(load(IdentitySettings, home=home, identity_bcrypt_cost=4))
        )
        where = (await stack.enter_async_context(running(identity))).address
        accounts = IdentityServiceStub(await stack.enter_async_context(open_channel(where, IDENTITY)))
        account = identity_service_pb2.RegisterRequest(
            email="ada@example.com", password="a long walk in the park", display_name="Ada"
        )
        token = (await accounts.Register(account)).tokens.access_token

        async def own() -> str:
            return token

        served = await stack.enter_async_context(
            grpc_service(load(FlightDataSettings, home=home, identity_address=where))
        )
        address = (await stack.enter_async_context(running(served))).address
        stub = FlightDataServiceStub(
            await stack.enter_async_context(open_channel(address, FLIGHTDATA, tokens=own))
        )
        conversations = await stack.enter_async_context(
            conversation_service(
                load(
                    ConversationSettings,
                    home=home,
                    identity_address=where,
                    livekit_url="ws://127.0.0.1:9",
                )
            )
        )
        conversation_address = (await stack.enter_async_context(running(conversations))).address
        bookings = await stack.enter_async_context(
            booking_service(
                load(
                    BookingSettings,
                    home=home,
                    identity_address=where,
                    conversation_address=conversation_address,
                    flightdata_address=address,
                    booking_quotes_per_hour=100_000,
                )
            )
        )
        booking_address = (await stack.enter_async_context(running(bookings))).address
        yield Mesh(home, where, conversation_address, address, booking_address, stub, token)


@asynccontextmanager
async def assistant(url: str, token: str = "", mode: str = "auto") -> AsyncIterator[Client]:
    """Return a connected client of the official SDK."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client
