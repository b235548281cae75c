"""Access to MCP over HTTP: access tokens, anonymous callers, and allowed host names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mesh.errors import Unauthenticated, Unavailable
from mesh.security.authentication import TokenVerifier
from services.gateway.http.app import CORS_MAX_AGE_SECONDS
from services.gateway.mcp.transports import Transports

PATH = "/mcp"
METADATA = "/.well-known/oauth-protected-resource"
_CORS_HEADERS = (
    "authorization",
    "content-type",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
)
_CORS_EXPOSED = ("mcp-session-id", "retry-after", "www-authenticate")
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

    async def token_of(self, authorization: str, *, customers_only: bool) -> str:
        """Return the access token for a tool's RPC; the caller's own if it is for `customers_only`.

        Raises:
            Unauthenticated: see `authenticate`; or an anonymous caller wants a customer's data.
            Unavailable: see `authenticate`.
            grpc.aio.AioRpcError: identity refused the gateway a token, or can't be reached.
        """
        token = await self.authenticate(authorization)
        if token is None and customers_only:
            raise Unauthenticated("missing; run `readback login`, or send one as a bearer token")
        return token or await self._own_token()


def mcp_app(
    server: Server[Any], callers: CallerTokens, hosts: Sequence[str], origins: Sequence[str]
) -> ASGIApp:
    """Return the ASGI app for these host names. Pages of `origins` may use it from browsers."""
    names = [*LOOPBACK, *hosts]
    own = [f"{scheme}://{name}" for name in names for scheme in ("http", "https")]
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[host for name in names for host in (name, f"{name}:*")],
        allowed_origins=[*origins, *(allowed for origin in own for allowed in (origin, f"{origin}:*"))],
    )
    transports = Transports(server, security)
    # Clients that add a slash wouldn't follow a redirect of a POST request.
    routes = [Route(path, transports) for path in (PATH, f"{PATH}/")]
    routes += [Route(path, _metadata, methods=["GET"]) for path in (METADATA + PATH, METADATA)]
    app = AuthenticationMiddleware(Starlette(routes=routes, lifespan=transports.lifespan), callers)
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=_CORS_HEADERS,
        expose_headers=_CORS_EXPOSED,
        max_age=CORS_MAX_AGE_SECONDS,
    )


def _url(request: Request, path: str) -> str:
    return str(request.url.replace(path=path, query="", fragment=""))


async def _metadata(request: Request) -> Response:
    """Answer with the metadata of the protected resource (RFC 9728 §3).

    There is no authorization server: tokens come from identity's `Login` RPC.
    """
    metadata = {
        "resource": _url(request, PATH),
        "resource_name": "Readback",
        "bearer_methods_supported": ["header"],
    }
    return JSONResponse(metadata, headers={"cache-control": "no-store"})


class AuthenticationMiddleware:
    """Answers 401 to requests without a required token or with an invalid one (RFC 6750 §3).

    The challenge names the metadata of the resource (RFC 9728 §5.1), which everybody may read.
    """

    def __init__(self, app: ASGIApp, callers: CallerTokens) -> None:
        self._app, self._callers = app, callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = await self._refusal(Request(scope)) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    async def _refusal(self, request: Request) -> Response | None:
        if request.url.path.startswith(METADATA):
            return None
        authorization = request.headers.get("authorization", "")
        try:
            await self._callers.authenticate(authorization)
        except Unauthenticated as error:
            body = {"error": "invalid_token", "error_description": str(error)}
            challenge = f'Bearer realm="readback", resource_metadata="{_url(request, METADATA + PATH)}"'
            if authorization:
                challenge += ', error="invalid_token"'
            return JSONResponse(body, 401, {"www-authenticate": challenge})
        except Unavailable as error:
            body = {"error": "temporarily_unavailable", "error_description": str(error)}
            return JSONResponse(body, 503, {"retry-after": "1"})
        return None
