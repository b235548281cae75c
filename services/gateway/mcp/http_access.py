"""Access to MCP over HTTP: access tokens, anonymous callers, and allowed host names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mesh.errors import Unauthenticated, Unavailable
from mesh.security.authentication import TokenVerifier
from services.gateway.mcp.transports import Transports

PATH = "/mcp"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class CallerTokens:
    """Chooses the access token for a tool's RPC: the caller's, or the gateway's for an anonymous caller."""

    def __init__(
        self, verifier: TokenVerifier, own_token: Callable[[], Awaitable[str]], *, anonymous: bool
    ) -> None:
        self._verifier, self._own_token, self._anonymous = verifier, own_token, anonymous

    async def authenticate(self, authorization: str) -> str | None:
        """Return the verified token of an `Authorization` header; None for an allowed anonymous caller.

        Raises:
            Unauthenticated: the token is missing and required, or invalid.
            Unavailable: the token can't be verified just now.
        """
        if not authorization:
            if not self._anonymous:
                raise Unauthenticated("missing")
            return None
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("not a bearer token")
        return (await self._verifier.verify(token.strip())).token

    async def token_of(self, authorization: str) -> str:
        """Return the access token for a tool's RPC.

        Raises:
            Unauthenticated, Unavailable: see `authenticate`.
            grpc.aio.AioRpcError: identity refused the gateway a token, or can't be reached.
        """
        return await self.authenticate(authorization) or await self._own_token()


def mcp_app(server: Server[Any], callers: CallerTokens, hosts: list[str]) -> ASGIApp:
    """Return the ASGI app."""
    names = [*LOOPBACK, *hosts]
    origins = [f"{scheme}://{name}" for name in names for scheme in ("http", "https")]
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[host for name in names for host in (name, f"{name}:*")],
        allowed_origins=[allowed for origin in origins for allowed in (origin, f"{origin}:*")],
    )
    transports = Transports(server, security)
    # Clients that add a slash wouldn't follow a redirect of a POST request.
    routes = [Route(path, transports) for path in (PATH, f"{PATH}/")]
    return AuthenticationMiddleware(Starlette(routes=routes, lifespan=transports.lifespan), callers)


class AuthenticationMiddleware:
    """Answers 401 to requests without a required token or with an invalid one (RFC 6750 §3)."""

    def __init__(self, app: ASGIApp, callers: CallerTokens) -> None:
        self._app, self._callers = app, callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = await self._refusal(Request(scope)) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    async def _refusal(self, request: Request) -> Response | None:
        try:
            await self._callers.authenticate(request.headers.get("authorization", ""))
        except Unauthenticated as error:
            body = {"error": "invalid_token", "error_description": str(error)}
            challenge = 'Bearer realm="readback", error="invalid_token"'
            return JSONResponse(body, 401, {"www-authenticate": challenge})
        except Unavailable as error:
            body = {"error": "temporarily_unavailable", "error_description": str(error)}
            return JSONResponse(body, 503, {"retry-after": "1"})
        return None
