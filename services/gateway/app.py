"""Assembly and entry points of the gateway: JSON and Connect over HTTP, and MCP."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import uvloop
from google.protobuf.descriptor import ServiceDescriptor
from mcp.server.lowlevel import Server
from readback.booking.v1 import booking_service_pb2
from readback.conversation.v1 import conversation_service_pb2
from readback.flightdata.v1 import flightdata_service_pb2
from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub
from readback.identity.v1 import identity_service_pb2
from readback.internal.identity.v1.identity_internal_service_pb2_grpc import IdentityInternalServiceStub
from starlette.types import ASGIApp

from mesh.calling.channel import open_channel
from mesh.ip_addresses import TrustedProxies
from mesh.logs import configure
from mesh.security import revocations
from mesh.security.workload_identity import WorkloadIdentity
from mesh.serving import web_server
from mesh.serving.caller_turns import CallerTurns
from mesh.serving.http_connections import HttpLimits
from mesh.serving.ports import endpoint_of
from mesh.settings import ServiceName, load
from services.gateway.http.app import http_app
from services.gateway.http.calls import Rpcs
from services.gateway.mcp.http_access import CallerTokens, mcp_app
from services.gateway.mcp.server import ToolServer
from services.gateway.mcp.tools import ToolCaller, tools_of
from services.gateway.settings import GatewaySettings

FLIGHTDATA = flightdata_service_pb2.DESCRIPTOR.services_by_name["FlightDataService"]
CONVERSATION = conversation_service_pb2.DESCRIPTOR.services_by_name["ConversationService"]
BOOKING = booking_service_pb2.DESCRIPTOR.services_by_name["BookingService"]
IDENTITY = identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"]
_SERVICES: Mapping[ServiceName, ServiceDescriptor] = {
    "identity": IDENTITY,
    "conversation": CONVERSATION,
    "flightdata": FLIGHTDATA,
    "booking": BOOKING,
}
NICENESS = 5
"""Of the process. Calls don't pass through the gateway, so they have the processors first."""
STOP_SECONDS = 3
"""Time that open requests get to finish when the gateway stops."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """The MCP server, the HTTP app, and the tokens of MCP callers."""

    mcp: Server[Any]
    http: ASGIApp
    callers: CallerTokens


@asynccontextmanager
async def gateway(settings: GatewaySettings) -> AsyncIterator[Gateway]:
    """Yield the servers over open channels. RPCs for MCP callers without a token use the gateway's own."""
    async with AsyncExitStack() as stack:
        channels: dict[str, grpc.aio.Channel] = {}
        for name, service in _SERVICES.items():
            channel = open_channel(settings.address_of(name), service)
            channels[service.full_name] = await stack.enter_async_context(channel)
        identity = open_channel(settings.address_of("identity"), *revocations.IDENTITY)
        await stack.enter_async_context(identity)
        verifier = revocations.verifier_of_identity(identity)
        key = settings.secrets.actor_key("gateway")
        own = WorkloadIdentity("gateway", key, IdentityInternalServiceStub(identity)).own_token
        callers = CallerTokens(verifier, own, anonymous=settings.allows_anonymous)
        tools = ToolServer(
            tools_of([FLIGHTDATA, CONVERSATION]),
            ToolCaller(channels),
            FlightDataServiceStub(channels[FLIGHTDATA.full_name]),
            callers.token_of,
            CallerTurns(settings.mcp_anonymous_calls),
            settings.mcp_answer_tokens,
        )
        http = http_app(list(_SERVICES.values()), Rpcs(channels, own), verifier, settings.cors_origins)
        yield Gateway(tools.server(), http, callers)


def main() -> None:
    """Serve HTTP and MCP until SIGTERM.

    Raises:
        ConfigurationError: a setting is wrong, or a port is taken.
    """
    settings = load(GatewaySettings)
    configure(settings, "gateway")
    os.nice(NICENESS)
    uvloop.run(_serve(settings))


async def _serve(settings: GatewaySettings) -> None:
    async with gateway(settings) as built:
        limits = HttpLimits(trusted_proxies=TrustedProxies(settings.trusted_proxies))
        http, mcp = (
            web_server.WebServer("gateway", endpoint_of(settings, port), STOP_SECONDS, limits=limits)
            for port in ("gateway_port", "mcp_port")
        )
        async with web_server.running(built.http, http):
            app = mcp_app(built.mcp, built.callers, settings.hosts, settings.cors_origins)
            await web_server.serve(app, mcp, probes=endpoint_of(settings, "gateway_http_port"))
