"""Assembly and entry points of the gateway: MCP over streamable HTTP or stdio in front of the services."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import uvloop
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from readback.flightdata.v1 import flightdata_service_pb2
from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub
from readback.identity.v1 import identity_service_pb2
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from mesh.calling.channel import open_channel
from mesh.ip_addresses import TrustedProxies
from mesh.logs import configure
from mesh.security.authentication import TokenSource
from mesh.security.revocations import verifier_of_identity
from mesh.security.workload_identity import WorkloadIdentity
from mesh.serving import web_server
from mesh.serving.caller_turns import CallerTurns
from mesh.serving.http_connections import HttpLimits
from mesh.serving.ports import endpoint_of
from mesh.settings import load
from services.gateway.mcp.http_access import CallerTokens, http_app
from services.gateway.mcp.server import ToolServer
from services.gateway.mcp.tools import ToolCaller, tools_of
from services.gateway.settings import GatewaySettings

FLIGHTDATA = flightdata_service_pb2.DESCRIPTOR.services_by_name["FlightDataService"]
IDENTITY = identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"]
STOP_SECONDS = 3
"""Time that open requests get to finish when the gateway stops."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """The MCP server, and the tokens of its callers."""

    server: Server[Any]
    callers: CallerTokens


@asynccontextmanager
async def gateway(settings: GatewaySettings, tokens: TokenSource | None = None) -> AsyncIterator[Gateway]:
    """Yield the MCP server over open channels.

    RPCs for callers without a token use a token from `tokens`; if `tokens` is None, the gateway's own token.
    """
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        identity = await enter(open_channel(settings.address_of("identity"), IDENTITY))
        flightdata = await enter(open_channel(settings.address_of("flightdata"), FLIGHTDATA))
        key = settings.secrets.actor_key("gateway")
        own_token = tokens or WorkloadIdentity("gateway", key, IdentityServiceStub(identity)).own_token
        anonymous = tokens is not None or settings.allows_anonymous
        callers = CallerTokens(verifier_of_identity(identity), own_token, anonymous=anonymous)
        tools = ToolServer(
            tools_of([FLIGHTDATA]),
            ToolCaller({FLIGHTDATA.full_name: flightdata}),
            FlightDataServiceStub(flightdata),
            callers.token_of,
            CallerTurns(settings.mcp_anonymous_calls),
            settings.mcp_answer_tokens,
        )
        yield Gateway(tools.server(), callers)


def main() -> None:
    """Serve MCP over HTTP until SIGTERM.

    Raises:
        ConfigurationError: a setting is wrong, or a port is taken.
    """
    settings = load(GatewaySettings)
    configure(settings, "gateway")
    uvloop.run(_serve(settings))


async def _serve(settings: GatewaySettings) -> None:
    async with gateway(settings) as built:
        app = http_app(built.server, built.callers, settings.hosts)
        limits = HttpLimits(trusted_proxies=TrustedProxies(settings.trusted_proxies))
        endpoint = endpoint_of(settings, "mcp_port")
        server = web_server.WebServer("gateway", endpoint, STOP_SECONDS, limits=limits)
        await web_server.serve(app, server, probes=endpoint_of(settings, "gateway_http_port"))


async def over_stdio(settings: GatewaySettings, tokens: TokenSource | None) -> None:
    """Serve one client over standard input and output until it disconnects. Logs go to standard error."""
    async with gateway(settings, tokens) as built, stdio_server() as (incoming, outgoing):
        await built.server.run(incoming, outgoing, built.server.create_initialization_options())
