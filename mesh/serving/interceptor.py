"""Server interceptor: runs every handler inside an `InboundCall`.

It authenticates the caller by the metadata, before gRPC receives the request. A compressed request of a few
kilobytes can take megabytes of memory to receive, and more to parse.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import Message
from grpc_status import rpc_status
from readback.options.v1 import options_pb2

from mesh.contracts.codes import normalise_codes
from mesh.errors import ErrorTable, overloaded, status_for
from mesh.security.access_rules import MethodContract
from mesh.security.authentication import set_principal
from mesh.security.security_log import record_refusal
from mesh.serving.health_and_metrics import MethodMetrics
from mesh.serving.inbound_call import Admission, InboundCall, RpcMethod, authenticate
from mesh.serving.request_receipt import Parse, Receiver, within_size

INFRASTRUCTURE = ("/grpc.health.v1.", "/grpc.reflection.")
"""Services of gRPC itself. They have no access rules of ours, and any caller may call them."""
_OPEN = MethodContract(frozenset({options_pb2.ACCESS_PUBLIC}), 4096)
_CLOSED = MethodContract(frozenset(), 0)

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Receive = Callable[[Any, Any], Awaitable[Any]]
"""Returns what a method's handler is called with, from the RPC's request iterator and context."""


@dataclass(frozen=True, slots=True)
class _Wrapped:
    """A method and its wrapped handler, created at the first call."""

    streaming: bool
    method: RpcMethod
    handler: Handler


class Interceptor(grpc.aio.ServerInterceptor):
    """Wraps the handlers of a server.

    Args:
        contracts: the enforced part of each method's contract, by method path.
        errors: errors of the service's domain.
        validate: called with the request of every method whose request is a single message.
        receiver: receives such requests.
    """

    def __init__(
        self,
        admission: Admission,
        contracts: Mapping[str, MethodContract],
        errors: ErrorTable,
        validate: Callable[[Message], None],
        receiver: Receiver,
    ) -> None:
        self._admission, self._contracts, self._errors = admission, contracts, errors
        self._validate, self._receiver = validate, receiver
        self._wrapped: dict[str, _Wrapped] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Return the method's handler, wrapped in an `InboundCall`, or a handler that refuses the RPC."""
        path = handler_call_details.method
        wrapped = self._wrapped.get(path)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            if handler is None:
                return None
            wrapped = self._wrapped[path] = self._wrap(path, handler)
        if self._admission.limiter.is_full(streaming=wrapped.streaming):
            return _refusal(wrapped.method, overloaded())
        metadata = handler_call_details.invocation_metadata or ()
        try:
            set_principal(await authenticate(wrapped.method, self._admission.verifier, metadata))
        except Exception as error:  # noqa: BLE001  # answered like an error of the handler
            return _refusal(wrapped.method, error)
        return wrapped.handler

    def _wrap(self, path: str, handler: Any) -> _Wrapped:
        streaming = bool(handler.request_streaming or handler.response_streaming)
        metrics = MethodMetrics(path, streaming=streaming)
        contract = self._contracts.get(path, _OPEN if path.startswith(INFRASTRUCTURE) else _CLOSED)
        method = RpcMethod(path, streaming, contract, self._errors, metrics)
        return _Wrapped(streaming, method, self._handler(handler, method))

    def _handler(self, handler: Any, method: RpcMethod) -> Handler:
        deserialize = within_size(handler.request_deserializer, method.contract.max_request_bytes)
        streams = handler.request_streaming
        receive = _requests if streams else self._receive(deserialize)
        codec: dict[str, Any] = {
            "request_deserializer": deserialize if streams else None,
            "response_serializer": _serializer(handler.response_serializer),
        }
        # gRPC calls a handler with a request stream before it has received anything.
        if handler.response_streaming:
            inner = handler.stream_stream if streams else handler.unary_stream
            return grpc.stream_stream_rpc_method_handler(self._stream(inner, method, receive), **codec)
        inner = handler.stream_unary if streams else handler.unary_unary
        return grpc.stream_unary_rpc_method_handler(self._unary(inner, method, receive), **codec)

    def _receive(self, deserialize: Parse) -> Receive:
        def parse(data: bytes) -> Message:
            request = deserialize(data)
            self._validate(request)
            normalise_codes(request)
            return request

        async def request(_requests: object, context: Any) -> Message:
            return await self._receiver.receive(context, parse)

        return request

    def _unary(self, inner: Any, method: RpcMethod, receive: Receive) -> Any:
        async def handle(requests: Any, context: Any) -> Message:
            async with InboundCall(method, self._admission, context) as call:
                request = await receive(requests, context)
                call.enter_limits()
                response: Message = await inner(request, context)
                return response

        return handle

    def _stream(self, inner: Any, method: RpcMethod, receive: Receive) -> Any:
        async def handle(requests: Any, context: Any) -> AsyncIterator[Message]:
            async with InboundCall(method, self._admission, context) as call:
                request = await receive(requests, context)
                call.enter_limits()
                # Without `aclosing` a cancelled handler would keep its resources until garbage collection.
                async with aclosing(inner(request, context)) as responses:
                    async for response in responses:
                        yield response

        return handle


async def _requests(requests: Any, _context: object) -> Any:
    """Return a request stream unchanged, because the handler validates its messages."""
    return requests


def _serializer(serialize: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """Return a serializer that accepts bytes too, so that a message for many callers is serialized once."""
    return lambda response: response if type(response) is bytes else serialize(response)


def _refusal(method: RpcMethod, error: Exception) -> Handler:
    """Return a handler that refuses an RPC without receiving its request."""

    async def refuse(_request: object, context: Any) -> None:
        record_refusal(error, context)
        status = rpc_status.to_status(status_for(error, method.errors))
        method.metrics.observe(status.code.name, 0.0)
        await context.abort_with_status(status)

    # A handler with a request stream runs before the first message is received.
    return grpc.stream_unary_rpc_method_handler(refuse)
