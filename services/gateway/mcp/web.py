"""MCP over streamable HTTP: refuses who may not come in before a message is read."""

from __future__ import annotations

from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mesh.errors import Unauthenticated, Unavailable
from services.gateway.mcp.access import Callers

PATH = "/mcp"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def web_app(server: Server[Any], callers: Callers, hosts: list[str]) -> ASGIApp:
    """The ASGI app. Without sessions: any replica answers any request."""
    names = [*LOOPBACK, *hosts]
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[allowed for name in names for allowed in (name, f"{name}:*")],
        allowed_origins=[
            allowed
            for name in names
            for scheme in ("http", "https")
            for allowed in (f"{scheme}://{name}", f"{scheme}://{name}:*")
        ],
    )
    return Door(
        server.streamable_http_app(
            streamable_http_path=PATH, stateless_http=True, transport_security=security
        ),
        callers,
    )


class Door:
    """Answers requests that may not come in: 401 without a good token where one is needed (RFC 6750, section 3)."""

    def __init__(self, app: ASGIApp, callers: Callers) -> None:
        self._app, self._callers = app, callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on who may come in."""
        refusal = await self._refusal(Request(scope)) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    async def _refusal(self, request: Request) -> Response | None:
        try:
            await self._callers.admit(request.headers.get("authorization", ""))
        except Unauthenticated as error:
            told = {"error": "invalid_token", "error_description": str(error)}
            return JSONResponse(
                told, 401, {"www-authenticate": 'Bearer realm="readback", error="invalid_token"'}
            )
        except Unavailable as error:
            return JSONResponse(
                {"error": "temporarily_unavailable", "error_description": str(error)},
                503,
                {"retry-after": "1"},
            )
        return None
