"""One server interceptor made of layers, each a context manager around a whole call, the iteration of its stream included."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import Message

INFRASTRUCTURE = ("/grpc.health.v1.", "/grpc.reflection.")
"""Services of gRPC itself: they stand outside the layers."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call as its layers see it."""

    method: str
    """`/package.Service/Method`."""
    metadata: Mapping[str, str]
    """Text metadata the caller sent; of repeated keys the last."""
    context: grpc.aio.ServicerContext[Any, Any]
    """gRPC's own context."""
    streaming: bool
    """Whether either side sends more than one message."""


Layer = Callable[[Call], AbstractAsyncContextManager[None]]


class LayeredInterceptor(grpc.aio.ServerInterceptor):
    """Runs every call inside its layers, the first outermost, and inspects requests that come as a single message."""

    def __init__(self, layers: Sequence[Layer], inspect: Callable[[Message], None]) -> None:
        self._layers, self._inspect = tuple(layers), inspect

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wraps the handler of a call."""
        handler = await continuation(handler_call_details)
        if handler is None or handler_call_details.method.startswith(INFRASTRUCTURE):
            return handler
        sent = handler_call_details.invocation_metadata or ()
        metadata = {key: value for key, value in sent if isinstance(value, str)}
        streaming = handler.request_streaming or handler.response_streaming

        def call_of(context: grpc.aio.ServicerContext[Any, Any]) -> Call:
            return Call(handler_call_details.method, metadata, context, streaming)

        return self._wrapped(handler, call_of)

    def _wrapped(self, handler: Any, call_of: Callable[[Any], Call]) -> grpc.RpcMethodHandler[Any, Any]:
        codec = {"request_deserializer": handler.request_deserializer, "response_serializer": handler.response_serializer}
        if handler.response_streaming:
            inner = handler.stream_stream if handler.request_streaming else handler.unary_stream
            make = grpc.stream_stream_rpc_method_handler if handler.request_streaming else grpc.unary_stream_rpc_method_handler
            return make(self._many(inner, call_of, single=not handler.request_streaming), **codec)
        inner = handler.stream_unary if handler.request_streaming else handler.unary_unary
        make_one = grpc.stream_unary_rpc_method_handler if handler.request_streaming else grpc.unary_unary_rpc_method_handler
        return make_one(self._one(inner, call_of, single=not handler.request_streaming), **codec)

    def _one(self, inner: Any, call_of: Callable[[Any], Call], *, single: bool) -> Any:
        async def handle(request: Message | AsyncIterable[Message], context: Any) -> Message:
            async with self._entered(call_of(context)):
                self._look_at(request, single)
                response: Message = await inner(request, context)
                return response

        return handle

    def _many(self, inner: Any, call_of: Callable[[Any], Call], *, single: bool) -> Any:
        async def handle(request: Message | AsyncIterable[Message], context: Any) -> AsyncIterator[Message]:
            async with self._entered(call_of(context)):
                self._look_at(request, single)
                # Closed here and not by the garbage collector: a cancelled watch must let go of what it holds at once.
                async with aclosing(inner(request, context)) as responses:
                    async for response in responses:
                        yield response

        return handle

    def _look_at(self, request: Message | AsyncIterable[Message], single: bool) -> None:
        if single and isinstance(request, Message):
            self._inspect(request)

    def _entered(self, call: Call) -> AbstractAsyncContextManager[None]:
        return _Entered(self._layers, call)


class _Entered(AbstractAsyncContextManager[None]):
    def __init__(self, layers: Sequence[Layer], call: Call) -> None:
        self._layers, self._call, self._stack = layers, call, AsyncExitStack()

    async def __aenter__(self) -> None:
        try:
            for layer in self._layers:
                await self._stack.enter_async_context(layer(self._call))
        except BaseException as error:
            # A layer that refuses the call is answered by the layers around it, like an error of the handler.
            # Whatever they make of it, the handler is not reached.
            await self._stack.__aexit__(type(error), error, error.__traceback__)
            raise

    async def __aexit__(self, *raised: Any) -> bool | None:
        return await self._stack.__aexit__(*raised)
