"""The HTTP gateway as an ASGI app: JSON routes, Connect, gRPC-Web and OpenAPI."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from readback.options.v1.options_pb2 import ACCESS_PUBLIC
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mesh.errors import InvalidRequest, Unauthenticated, Unavailable
from mesh.ids import REQUEST_ID
from mesh.security.access_rules import rules_of
from mesh.security.authentication import TokenVerifier
from services.gateway.compact_json import compact_json
from services.gateway.http import event_source_cookie
from services.gateway.http.calls import Rpcs, context_of, request_id_of
from services.gateway.http.connect import ConnectApp
from services.gateway.http.docs.documents import OPENAPI, Documents
from services.gateway.http.errors import MEDIA_TYPE, GatewayError, response_for
from services.gateway.http.etags import etag_of, is_current
from services.gateway.http.event_source_cookie import EventSourceCookie
from services.gateway.http.grpc_web_text import GrpcWebText
from services.gateway.http.json_writer import to_json
from services.gateway.http.requests import message_of
from services.gateway.http.routes import NoRoute, Route, RouteTable, VerbNotAllowed
from services.gateway.http.streams import streamed

_PUBLIC_SECONDS = 300
"""Time for which any cache may keep a response that is the same for all callers, such as the keys."""
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_GZIP_FROM_BYTES = 1024
_CORS_HEADERS = (
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "last-event-id",
    REQUEST_ID,
    "x-request-timeout",
    "grpc-timeout",
    "connect-protocol-version",
    "connect-timeout-ms",
    "x-grpc-web",
    "x-user-agent",
)
_CORS_EXPOSED = (
    REQUEST_ID,
    "etag",
    "retry-after",
    "www-authenticate",
    "grpc-status",
    "grpc-message",
    "grpc-status-details-bin",
)
CORS_MAX_AGE_SECONDS = 7200


def http_app(
    services: Sequence[ServiceDescriptor], rpcs: Rpcs, verifier: TokenVerifier, origins: Sequence[str]
) -> ASGIApp:
    """Return the app for the public RPCs of these services. Pages of `origins` may use it from browsers."""
    return CORSMiddleware(
        HttpGateway(services, rpcs, verifier),
        allow_origins=origins,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=_CORS_HEADERS,
        expose_headers=_CORS_EXPOSED,
        allow_credentials=True,
        max_age=CORS_MAX_AGE_SECONDS,
    )


class HttpGateway:
    """Chooses between Connect, the documents about the contracts, and the JSON routes."""

    def __init__(self, services: Sequence[ServiceDescriptor], rpcs: Rpcs, verifier: TokenVerifier) -> None:
        self._rpcs = rpcs
        self._routes = RouteTable(services)
        connect = ConnectApp(services, rpcs)
        self._rpc_paths, self._connect = connect.paths, GrpcWebText(connect)
        self._cookie = EventSourceCookie(verifier)
        self._documents = Documents(services)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] in self._rpc_paths:
            await self._connect(scope, receive, send)
            return
        request = Request(scope, receive)
        request_id = request_id_of(request.headers)
        response = await self._response(request, request_id)
        response.headers[REQUEST_ID] = request_id
        await response(scope, receive, send)

    async def _response(self, request: Request, request_id: str) -> Response:
        try:
            match request.url.path:
                case path if path in self._documents.paths:
                    return await self._documents.response(request)
                case event_source_cookie.PATH:
                    return await self._event_source(request)
            return await self._call(request, request_id)
        except (grpc.aio.AioRpcError, InvalidRequest, Unauthenticated, Unavailable, GatewayError) as error:
            return response_for(error)

    async def _call(self, request: Request, request_id: str) -> Response:
        route, path_values = self._route(request)
        message = await message_of(route, path_values, request)
        if route.method.server_streaming:
            context = context_of(self._cookie.headers_of(request), request_id, _source(request))
            accept = request.headers.get("accept", "")
            return await streamed(self._rpcs, route.method, message, context, accept)
        response = await self._rpcs.unary(
            route.method, message, context_of(request.headers, request_id, _source(request))
        )
        etag = etag_of(response)
        if route.verb == "GET" and etag and is_current(request.headers.get("if-none-match", ""), etag):
            return Response(status_code=304, headers={"etag": etag})
        return _json_response(to_json(response), etag, _cache_control(route.method))

    def _route(self, request: Request) -> tuple[Route, Mapping[str, str]]:
        path = request.scope["raw_path"].decode("latin-1")
        if _BAD_ESCAPE.search(path):
            text = "The path has a % that isn't followed by two hexadecimal digits; write it as %25."
            raise GatewayError(400, grpc.StatusCode.INVALID_ARGUMENT, text)
        try:
            return self._routes.find(request.method, path)
        except NoRoute:
            text = f"There is no such path; {OPENAPI} lists all."
            raise GatewayError(404, grpc.StatusCode.NOT_FOUND, text) from None
        except VerbNotAllowed as error:
            allowed = ", ".join(error.allowed)
            raise GatewayError(405, grpc.StatusCode.UNIMPLEMENTED, str(error), allow=allowed) from None

    async def _event_source(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._cookie.set(request)
        if request.method == "DELETE":
            return self._cookie.remove()
        raise GatewayError(
            405, grpc.StatusCode.UNIMPLEMENTED, "Use DELETE, POST for this path.", allow="DELETE, POST"
        )


def _source(request: Request) -> str:
    return request.client.host if request.client else ""


@cache
def _cache_control(method: MethodDescriptor) -> str:
    reads = method.GetOptions().idempotency_level == MethodOptions.NO_SIDE_EFFECTS
    is_same_for_all = reads and ACCESS_PUBLIC in rules_of(method) and not method.input_type.fields
    return f"max-age={_PUBLIC_SECONDS}" if is_same_for_all else "no-store"


def _json_response(body: Mapping[str, object], etag: str, cache_control: str) -> Response:
    headers = {"cache-control": cache_control} | ({"etag": etag} if etag else {})
    return _Compressed(compact_json(body), media_type=MEDIA_TYPE, headers=headers)


class _Compressed(Response):
    """A response that is compressed if the caller accepts it. Streams aren't, since that would delay them."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if len(self.body) < _GZIP_FROM_BYTES:
            await super().__call__(scope, receive, send)
            return
        await GZipMiddleware(super().__call__, minimum_size=_GZIP_FROM_BYTES)(scope, receive, send)
