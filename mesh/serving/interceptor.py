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
from google.protobuf.message import DecodeError, Message
from grpc_status import rpc_status

from mesh.errors import ErrorTable, InvalidRequest, RequestTooLarge, overloaded, status_for
from mesh.security.access_rules import MethodContract
from mesh.security.authentication import set_principal
from mesh.security.security_log import record_refusal
from mesh.serving.health_and_metrics import MethodMetrics
from mesh.serving.inbound_call import Admission, InboundCall, RpcMethod, authenticate

INFRASTRUCTURE = ("/grpc.health.v1.", "/grpc.reflection.")
"""Services of gRPC itself, which this interceptor doesn't wrap."""

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Parse = Callable[[Any], Any]


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
    """

    def __init__(
        self,
        admission: Admission,
        contracts: Mapping[str, MethodContract],
        errors: ErrorTable,
        validate: Callable[[Message], None],
    ) -> None:
        self._admission, self._contracts, self._errors = admission, contracts, errors
        self._validate = validate
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
            if handler is None or path.startswith(INFRASTRUCTURE):
                return handler
            wrapped = self._wrapped[path] = self._wrap(path, handler)
        if self._admission.limiter.is_full(streaming=wrapped.streaming):
            return _refusal(wrapped.method, overloaded())
        metadata = handler_call_details.invocation_metadata or ()
        try:
            set_principal(await authenticate(wrapped.method, self._admission.verifier, dict(metadata)))
        except Exception as error:  # noqa: BLE001  # answered like an error of the handler
            return _refusal(wrapped.method, error)
        return wrapped.handler

    def _wrap(self, path: str, handler: Any) -> _Wrapped:
        streaming = bool(handler.request_streaming or handler.response_streaming)
        metrics = MethodMetrics(path, streaming=streaming)
        contract = self._contracts.get(path, MethodContract(frozenset(), 0))
        method = RpcMethod(path, streaming, contract, self._errors, metrics)
        return _Wrapped(streaming, method, self._handler(handler, method))

    def _handler(self, handler: Any, method: RpcMethod) -> Handler:
        single = not handler.request_streaming
        deserialize = _checked(handler.request_deserializer, method.contract.max_request_bytes)
        parse = self._parser(deserialize) if single else _unchanged
        codec: dict[str, Any] = {
            # gRPC would parse a single request before `InboundCall` begins, so `parse` does it instead.
            "request_deserializer": None if single else deserialize,
            "response_serializer": _serializer(handler.response_serializer),
        }
        if handler.response_streaming:
            inner = handler.unary_stream if single else handler.stream_stream
            make = grpc.unary_stream_rpc_method_handler if single else grpc.stream_stream_rpc_method_handler
            return make(self._stream(inner, method, parse), **codec)
        inner = handler.unary_unary if single else handler.stream_unary
        make_unary = grpc.unary_unary_rpc_method_handler if single else grpc.stream_unary_rpc_method_handler
        return make_unary(self._unary(inner, method, parse), **codec)

    def _parser(self, deserialize: Callable[[bytes], Message]) -> Parse:
        def parse(data: bytes) -> Message:
            request = deserialize(data)
            self._validate(request)
            return request

        return parse

    def _unary(self, inner: Any, method: RpcMethod, parse: Parse) -> Any:
        async def handle(request: Any, context: Any) -> Message:
            async with InboundCall(method, self._admission, context):
                response: Message = await inner(parse(request), context)
                return response

        return handle

    def _stream(self, inner: Any, method: RpcMethod, parse: Parse) -> Any:
        async def handle(request: Any, context: Any) -> AsyncIterator[Message]:
            # Without `aclosing` a cancelled handler would keep its resources until garbage collection.
            async with (
                InboundCall(method, self._admission, context),
                aclosing(inner(parse(request), context)) as responses,
            ):
                async for response in responses:
                    yield response

        return handle


def _checked(deserialize: Callable[[bytes], Message], max_bytes: int) -> Callable[[bytes], Message]:
    def checked(data: bytes) -> Message:
        if len(data) > max_bytes:
            raise RequestTooLarge(len(data), max_bytes)
        try:
            return deserialize(data)
        except DecodeError:
            raise InvalidRequest([]) from None

    return checked


def _unchanged(requests: Any) -> Any:
    """Return a request stream unchanged, because the handler validates its messages."""
    return requests


def _serializer(serialize: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """Return a serializer that accepts bytes too, so that a message for many callers is serialized once."""
    return lambda response: response if type(response) is bytes else serialize(response)


def _refusal(method: RpcMethod, error: Exception) -> Handler:
    """Return a handler that refuses an RPC without receiving its request."""

    async def refuse(_request: object, context: Any) -> None:
        record_refusal(error, context)
        status = rpc_status.to_status(status_for(error, method.errors, method.package))
        method.metrics.observe(status.code.name, 0.0)
        await context.abort_with_status(status)

    # A handler with a request stream runs before the first message is received.
    return grpc.stream_unary_rpc_method_handler(refuse)
