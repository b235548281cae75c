"""`readback mcp`: the tools for an assistant on this machine that starts its MCP servers itself, over standard input and output."""

from __future__ import annotations

import asyncio

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(mcp)


def mcp() -> None:
    """Serve the tools over standard input and output (MCP), in the name of who is logged in.

    Over HTTP they are at http://127.0.0.1:8080/mcp while `readback up` runs, or at the port that READBACK_MCP_PORT says.
    """
    asyncio.run(_serve())


async def _serve() -> None:
    from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

    from cli.account.acting_account import DESCRIPTOR, LoggedIn
    from cli.account.credentials_file import CredentialFile
    from mesh.calling.channel import open_channel
    from mesh.clock import SystemClock
    from mesh.logs import configure
    from mesh.settings import load
    from services.gateway.app import over_stdio
    from services.gateway.settings import GatewaySettings

    settings = load(GatewaySettings)
    configure(settings, "mcp")
    file = CredentialFile(settings.home)
    async with open_channel(settings.address_of("identity"), DESCRIPTOR) as channel:
        logged_in = LoggedIn(file, IdentityServiceStub(channel), SystemClock())
        await over_stdio(settings, logged_in.token if file.read() else None)
