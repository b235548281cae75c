"""Server interceptor: runs every handler inside an `InboundCall`.

RPCs that exceed the total limit are refused before their request is parsed.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import Message
from grpc_status import rpc_status

from mesh.errors import ErrorTable, overloaded, status_for
from mesh.security import access_rules
from mesh.serving.health_and_metrics import MethodMetrics
from mesh.serving.inbound_call import Admission, InboundCall, RpcMethod

INFRASTRUCTURE = ("/grpc.health.v1.", "/grpc.reflection.")
"""Services of gRPC itself, which this interceptor leaves alone."""

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


@dataclass(frozen=True, slots=True)
class _Wrapped:
    """A method's handlers, made at its first call."""

    streaming: bool
    handler: Handler
    refusal: Handler


class Interceptor(grpc.aio.ServerInterceptor):
    """Wraps the handlers of a server.

    Args:
        rules: access rules by method path.
        errors: errors of the service's domain.
        validate: called with every request that is a single message.
    """

    def __init__(
        self,
        admission: Admission,
        rules: Mapping[str, access_rules.Rules],
        errors: ErrorTable,
        validate: Callable[[Message], None],
    ) -> None:
        self._admission, self._rules, self._errors, self._validate = admission, rules, errors, validate
        self._wrapped: dict[str, _Wrapped] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Return the handler of an RPC: the method's own inside an `InboundCall`, or one that refuses."""
        path = handler_call_details.method
        wrapped = self._wrapped.get(path)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            if handler is None or path.startswith(INFRASTRUCTURE):
                return handler
            wrapped = self._wrapped[path] = self._wrap(path, handler)
        full = self._admission.limiter.is_full(streaming=wrapped.streaming)
        return wrapped.refusal if full else wrapped.handler

    def _wrap(self, path: str, handler: Any) -> _Wrapped:
        streaming = bool(handler.request_streaming or handler.response_streaming)
        metrics = MethodMetrics(path, streaming=streaming)
        method = RpcMethod(path, streaming, self._rules.get(path, frozenset()), self._errors, metrics)
        return _Wrapped(streaming, self._handler(handler, method), _refusal(method))

    def _handler(self, handler: Any, method: RpcMethod) -> Handler:
        codec = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": _serializer(handler.response_serializer),
        }
        single = not handler.request_streaming
        if handler.response_streaming:
            inner = handler.unary_stream if single else handler.stream_stream
            make = grpc.unary_stream_rpc_method_handler if single else grpc.stream_stream_rpc_method_handler
            return make(self._stream(inner, method), **codec)
        inner = handler.unary_unary if single else handler.stream_unary
        make_unary = grpc.unary_unary_rpc_method_handler if single else grpc.stream_unary_rpc_method_handler
        return make_unary(self._unary(inner, method), **codec)

    def _unary(self, inner: Any, method: RpcMethod) -> Any:
        async def handle(request: Message | AsyncIterable[Message], context: Any) -> Message:
            async with InboundCall(method, self._admission, context):
                if isinstance(request, Message):
                    self._validate(request)
                response: Message = await inner(request, context)
                return response

        return handle

    def _stream(self, inner: Any, method: RpcMethod) -> Any:
        async def handle(request: Message | AsyncIterable[Message], context: Any) -> AsyncIterator[Message]:
            async with InboundCall(method, self._admission, context):
                if isinstance(request, Message):
                    self._validate(request)
                # Without `aclosing` a cancelled handler would keep its resources until garbage collection.
                async with aclosing(inner(request, context)) as responses:
                    async for response in responses:
                        yield response

        return handle


def _serializer(serialize: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """Let a handler return a serialized message, so that one sent to many callers is serialized once."""
    return lambda response: response if type(response) is bytes else serialize(response)


def _refusal(method: RpcMethod) -> Handler:
    """Return a handler that refuses an RPC without parsing its request."""
    status = rpc_status.to_status(status_for(overloaded(), method.errors, method.package))

    async def refuse(_request: object, context: Any) -> None:
        method.metrics.observe(status.code.name, 0.0)
        await context.abort_with_status(status)

    # A handler with a request stream runs before the first message has arrived.
    make = grpc.stream_unary_rpc_method_handler if method.streaming else grpc.unary_unary_rpc_method_handler
    return make(refuse)
