"""`readback mcp`: the MCP tools over standard input and output, for assistants that start MCP servers."""

from __future__ import annotations

import asyncio

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(mcp)


def mcp() -> None:
    """Serve the MCP tools over standard input and output, for the logged-in account.

    `readback up` serves them over HTTP, at http://127.0.0.1:8080/mcp (READBACK_MCP_PORT).
    """
    asyncio.run(_serve())


async def _serve() -> None:
    from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

    from cli.account.acting_account import DESCRIPTOR, SavedLogin, credentials_file
    from mesh.calling.channel import open_channel
    from mesh.clock import SystemClock
    from mesh.logs import configure
    from mesh.settings import load
    from services.gateway.app import over_stdio
    from services.gateway.settings import GatewaySettings

    settings = load(GatewaySettings)
    configure(settings, "mcp")
    file = credentials_file(settings)
    async with open_channel(settings.address_of("identity"), DESCRIPTOR) as channel:
        login = SavedLogin(file, IdentityServiceStub(channel), SystemClock())
        await over_stdio(settings, login.token if file.read() else None)
