"""The gateway put together: MCP over streamable HTTP in front of the services."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import uvloop
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from readback.flightdata.v1 import flightdata_service_pb2
from readback.identity.v1 import identity_service_pb2
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from mesh.calling.channel import open_channel
from mesh.logs import configure
from mesh.security.authentication import TokenSource, TokenVerifier
from mesh.security.jwks import keys_of_identity
from mesh.security.workload_identity import WorkloadIdentity
from mesh.serving import web_server
from mesh.serving.ports import endpoint_of
from mesh.settings import load
from services.gateway.mcp.access import Callers
from services.gateway.mcp.calling import Backends
from services.gateway.mcp.catalogue import catalogue
from services.gateway.mcp.server import mcp_server
from services.gateway.mcp.web import web_app
from services.gateway.settings import GatewaySettings

FLIGHTDATA = flightdata_service_pb2.DESCRIPTOR.services_by_name["FlightDataService"]
IDENTITY = identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"]
STOP_SECONDS = 3
"""How long open requests may take to finish when the gateway stops."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """The parts that both ways of serving need."""

    server: Server[Any]
    callers: Callers


@asynccontextmanager
async def gateway(settings: GatewaySettings, tokens: TokenSource | None = None) -> AsyncIterator[Gateway]:
    """The MCP server over open channels. Calls without a token are made with one of `tokens`, else with one of the gateway's own."""
    async with AsyncExitStack() as stack:
        identity = await stack.enter_async_context(open_channel(settings.address_of("identity"), IDENTITY))
        flightdata = await stack.enter_async_context(
            open_channel(settings.address_of("flightdata"), FLIGHTDATA)
        )
        workload = WorkloadIdentity(
            "gateway", settings.secrets.actor_key("gateway"), IdentityServiceStub(identity)
        )
        strangers = tokens is not None or settings.lets_strangers_in
        callers = Callers(
            TokenVerifier(keys_of_identity(identity)), tokens or workload.own_token, strangers=strangers
        )
        backends = Backends({FLIGHTDATA.full_name: flightdata})
        server = mcp_server(
            catalogue([FLIGHTDATA]), backends, callers.token_of, answer_tokens=settings.mcp_answer_tokens
        )
        yield Gateway(server, callers)


def main() -> None:
    """Serves until SIGTERM.

    Raises:
        ConfigurationError: a setting is wrong or a port taken.
    """
    settings = load(GatewaySettings)
    configure(settings, "gateway")
    uvloop.run(_serve(settings))


async def _serve(settings: GatewaySettings) -> None:
    async with gateway(settings) as built:
        app = web_app(built.server, built.callers, settings.hosts)
        site = web_server.WebServer("gateway", endpoint_of(settings, "mcp_port"), STOP_SECONDS)
        await web_server.serve(app, site, probes=endpoint_of(settings, "gateway_http_port"))


async def over_stdio(settings: GatewaySettings, tokens: TokenSource | None) -> None:
    """Serves one client over standard input and output until it hangs up. Logs go to standard error."""
    async with gateway(settings, tokens) as built, stdio_server() as (incoming, outgoing):
        await built.server.run(incoming, outgoing, built.server.create_initialization_options())
