"""The one server interceptor: every call runs inside `Inbound`, and what is too much is refused before it is read."""

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
from mesh.serving.inbound_call import Gates, Inbound, Method
from mesh.serving.rpc_metrics import MethodMetrics

INFRASTRUCTURE = ("/grpc.health.v1.", "/grpc.reflection.")
"""Services of gRPC itself: they stand outside."""

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


@dataclass(frozen=True, slots=True)
class _Guarded:
    """A method's handler, made once."""

    method: Method
    handler: Handler
    refusal: Handler


class Interceptor(grpc.aio.ServerInterceptor):
    """Wraps handlers.

    Args:
        rules: access rules by method path.
        tables: each service's errors by its proto package.
        inspect: is shown every request that comes as a single message.
    """

    def __init__(
        self,
        gates: Gates,
        rules: Mapping[str, access_rules.Rules],
        tables: Mapping[str, ErrorTable],
        inspect: Callable[[Message], None],
    ) -> None:
        self._gates, self._rules, self._tables, self._inspect = gates, rules, tables, inspect
        self._guarded: dict[str, _Guarded] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """The handler of a call: the method's own inside `Inbound`, or one that only refuses."""
        path = handler_call_details.method
        guarded = self._guarded.get(path)
        if guarded is None:
            handler = await continuation(handler_call_details)
            if handler is None or path.startswith(INFRASTRUCTURE):
                return handler
            guarded = self._guarded[path] = self._guard(path, handler)
        return (
            guarded.refusal
            if self._gates.limiter.is_full(streaming=guarded.method.streaming)
            else guarded.handler
        )

    def _guard(self, path: str, handler: Handler) -> _Guarded:
        streaming = bool(handler.request_streaming or handler.response_streaming)
        errors = self._tables.get(path[1:].rpartition("/")[0].rpartition(".")[0], {})
        method = Method(
            path,
            streaming,
            self._rules.get(path, frozenset()),
            errors,
            MethodMetrics(path, streaming=streaming),
        )
        return _Guarded(method, self._wrapped(handler, method), _refusal(method))

    def _wrapped(self, handler: Any, method: Method) -> Handler:
        codec = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": _serializer(handler.response_serializer),
        }
        single = not handler.request_streaming
        if handler.response_streaming:
            inner = handler.unary_stream if single else handler.stream_stream
            make = grpc.unary_stream_rpc_method_handler if single else grpc.stream_stream_rpc_method_handler
            return make(self._many(inner, method, single=single), **codec)
        inner = handler.unary_unary if single else handler.stream_unary
        make_one = grpc.unary_unary_rpc_method_handler if single else grpc.stream_unary_rpc_method_handler
        return make_one(self._one(inner, method, single=single), **codec)

    def _one(self, inner: Any, method: Method, *, single: bool) -> Any:
        async def handle(request: Message | AsyncIterable[Message], context: Any) -> Message:
            async with Inbound(method, self._gates, context):
                self._look_at(request, single)
                response: Message = await inner(request, context)
                return response

        return handle

    def _many(self, inner: Any, method: Method, *, single: bool) -> Any:
        async def handle(request: Message | AsyncIterable[Message], context: Any) -> AsyncIterator[Message]:
            async with Inbound(method, self._gates, context):
                self._look_at(request, single)
                # Closed here and not by the garbage collector: a cancelled watch must let go of what it holds at once.
                async with aclosing(inner(request, context)) as responses:
                    async for response in responses:
                        yield response

        return handle

    def _look_at(self, request: Message | AsyncIterable[Message], single: bool) -> None:
        if single and isinstance(request, Message):
            self._inspect(request)


def _serializer(serialize: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """Lets a handler answer with a message that is serialized already, for many who are sent the same."""
    return lambda response: response if type(response) is bytes else serialize(response)


def _refusal(method: Method) -> Handler:
    """Answers a call that is too much without parsing its request."""
    status = rpc_status.to_status(status_for(overloaded(), method.errors, method.package))

    async def refuse(_request: object, context: Any) -> None:
        method.metrics.answered(status.code.name, 0.0)
        await context.abort_with_status(status)

    # A stream is refused before its first message has come.
    return (
        grpc.stream_unary_rpc_method_handler(refuse)
        if method.streaming
        else grpc.unary_unary_rpc_method_handler(refuse)
    )
