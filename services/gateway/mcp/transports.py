"""The transports of MCP over HTTP: event streams with progress, or JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.streamable_http import check_accept_headers
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import INVALID_REQUEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

NO_REQUEST = "The body is not a JSON-RPC request; send one object with jsonrpc, id, method and params."


class Transports:
    """Streamable HTTP. Only a client that accepts an event stream gets one, with progress; others get JSON.

    It keeps no MCP sessions, so any replica can answer any request.
    """

    def __init__(self, server: Server[Any], security: TransportSecuritySettings) -> None:
        self._streams, self._json = (
            StreamableHTTPSessionManager(
                server, json_response=json_response, stateless=True, security_settings=security
            )
            for json_response in (False, True)
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if "accept" not in request.headers:
            # Without the header any type is accepted (RFC 9110 §12.5.1).
            scope = {**scope, "headers": [*scope["headers"], (b"accept", b"application/json")]}
        _, stream = check_accept_headers(request)
        transport = self._streams if stream else self._json
        await transport.handle_request(scope, receive, _with_plain_errors(scope, receive, send))

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Run both transports while the app is served."""
        async with self._streams.run(), self._json.run():
            yield


def _with_plain_errors(scope: Scope, receive: Receive, send: Send) -> Send:
    """Return a `send` that replaces the SDK's error about a malformed request, which is text of pydantic."""
    refusal: list[Message] = []

    async def send_plain(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 400:
            refusal.append(message)
            return
        if refusal:
            start = refusal.pop()
            if b"Validation error" in message.get("body", b""):
                error = {"code": INVALID_REQUEST, "message": NO_REQUEST}
                response = JSONResponse({"jsonrpc": "2.0", "id": None, "error": error}, 400)
                await response(scope, receive, send)
                return
            await send(start)
        await send(message)

    return send_plain
