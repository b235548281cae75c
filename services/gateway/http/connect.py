"""Connect and gRPC-Web for the public RPCs, so that browsers use the same contracts without a proxy.

`connectrpc` speaks the protocols; each endpoint passes its messages on to the gRPC service.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import grpc
from connectrpc.code import Code
from connectrpc.compat import google_protobuf_codecs
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.request import RequestContext
from connectrpc.server import ConnectASGIApplication, Endpoint
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_status import rpc_status
from protobuf.wkt import Any as PackedAny
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from mesh.errors import InvalidRequest, rpc_error
from mesh.security.access_rules import contract_of, path_of
from services.gateway.http.calls import CallContext, Rpcs, context_of, request_id_of
from services.gateway.http.routes import public_methods

_LEVELS = (IdempotencyLevel.UNKNOWN, IdempotencyLevel.NO_SIDE_EFFECTS, IdempotencyLevel.IDEMPOTENT)
"""Connect's level for each number of `google.protobuf.MethodOptions.IdempotencyLevel`."""
_CODES: Mapping[grpc.StatusCode, Code] = {
    # Connect spells it with one L.
    code: Code[code.name.replace("CANCELLED", "CANCELED")]
    for code in grpc.StatusCode
    if code is not grpc.StatusCode.OK
}
Context = RequestContext[Any, Any]


class ConnectApp(ConnectASGIApplication[Rpcs]):
    """ASGI app with the path `/<package>.<Service>/<Method>` for every public RPC of these services."""

    def __init__(self, services: Iterable[ServiceDescriptor], rpcs: Rpcs) -> None:
        methods = list(public_methods(services))
        super().__init__(
            service=rpcs,
            endpoints=lambda calls: {path_of(method): _endpoint(method, calls) for method in methods},
            read_max_bytes=max(contract_of(method).max_request_bytes for method in methods),
            codecs=google_protobuf_codecs(),
        )
        self.paths = {path_of(method) for method in methods}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request to one of the paths."""
        # `connectrpc` fails at other characters, and no header that it or a service reads has any.
        headers = [(name, value) for name, value in scope["headers"] if value.isascii()]
        await super().__call__({**scope, "headers": headers}, receive, send)

    @property
    def path(self) -> str:
        """The common prefix of all paths."""
        return "/"


def _endpoint(
    method: MethodDescriptor, rpcs: Rpcs
) -> Any:  # `connectrpc` doesn't export the types of endpoints
    info: MethodInfo[Any, Any] = MethodInfo(
        name=method.name,
        service_name=method.containing_service.full_name,
        input=GetMessageClass(method.input_type),
        output=GetMessageClass(method.output_type),
        stream_type=StreamType.SERVER_STREAM if method.server_streaming else StreamType.UNARY,
        idempotency_level=_LEVELS[method.GetOptions().idempotency_level],
    )

    async def unary(request: Message, context: Context) -> Message:
        try:
            return await rpcs.unary(method, request, _context(context))
        except (grpc.aio.AioRpcError, InvalidRequest) as error:
            raise _connect_error(error) from None

    async def server_stream(request: Message, context: Context) -> AsyncIterator[Message]:
        try:
            async with rpcs.server_stream(method, request, _context(context)) as responses:
                async for response in responses:
                    yield response
        except (grpc.aio.AioRpcError, InvalidRequest) as error:
            raise _connect_error(error) from None

    if method.server_streaming:
        return Endpoint.server_stream(info, server_stream)
    return Endpoint.unary(info, unary)


def _context(context: Context) -> CallContext:
    headers = Headers(
        raw=[(name.encode(), value.encode()) for name, value in context.request_headers.allitems()]
    )
    metadata = context_of(headers, request_id_of(headers), "").metadata
    timeout = None if context.timeout_ms is None else context.timeout_ms / 1000
    return CallContext(metadata, timeout, (context.client_address or "").rpartition(":")[0])


def _connect_error(error: grpc.aio.AioRpcError | InvalidRequest) -> ConnectError:
    failure = rpc_error(error) if isinstance(error, InvalidRequest) else error
    status = rpc_status.from_call(failure)
    packed_details = status.details if status else ()
    details = [PackedAny(type_url=packed.type_url, value=packed.value) for packed in packed_details]
    return ConnectError(_CODES[failure.code()], failure.details() or "", details)
