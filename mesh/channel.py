"""Calling: channels whose retries and deadlines come from the contracts, and streams that can't leak."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import grpc
import structlog
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from readback.options.v1 import options_pb2

from mesh import deadlines
from mesh.auth import bearer
from mesh.errors import rpc_error
from mesh.ids import uuid7
from mesh.inbound import REQUEST_ID
from mesh.limits import overloaded

TokenSource = Callable[[], Awaitable[str]]
"""Gives an access token that is good for a while."""

UNARY_TIMEOUT_SECONDS = 10.0
_PAUSE_SECONDS = 0.1
"""Before a call is sent again that a server's core reset, about."""
_SCHEMES = ("dns:", "ipv4:", "ipv6:", "unix:", "xds:")
_RETRY = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}


def service_config(service: ServiceDescriptor) -> dict[str, Any]:
    """gRPC's service config for a service.

    Methods that may be repeated are retried, on another replica if there is one; all others are only sent again when no server saw them,
    which gRPC does by itself. When most of what is sent fails, nothing is retried: what is down must not be asked four times as often.
    No health streams: gRPC's core (1.76 to 1.85 at least) crashes now and then when a line breaks under one.
    """
    return {
        "loadBalancingConfig": [{"round_robin": {}}],
        "retryThrottling": {"maxTokens": 1000, "tokenRatio": 1},
        "methodConfig": [_method_config(method) for method in service.methods],
    }


def _method_config(method: MethodDescriptor) -> dict[str, Any]:
    config: dict[str, Any] = {
        "name": [{"service": method.containing_service.full_name, "method": method.name}]
    }
    if method.GetOptions().idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN:
        config["retryPolicy"] = _RETRY
    if not (method.client_streaming or method.server_streaming):
        patience = method.GetOptions().Extensions[options_pb2.patience_seconds]
        # gRPC takes the shorter of this and the caller's own.
        config["timeout"] = f"{patience or UNARY_TIMEOUT_SECONDS:g}s"
    return config


def open_channel(
    target: str, service: ServiceDescriptor, *, tokens: TokenSource | None = None
) -> grpc.aio.Channel:
    """A channel to a service; use it as a context manager. Must be called in the event loop that uses it, never at import.

    With `tokens`, every call that brings no `authorization` of its own is sent with a token. `target` is what `target_of` takes.
    """
    return grpc.aio.insecure_channel(
        target_of(target),
        options=[
            ("grpc.service_config", json.dumps(service_config(service))),
            ("grpc.enable_retries", 1),
            ("grpc.keepalive_time_ms", 15_000),
            ("grpc.keepalive_timeout_ms", 10_000),
            ("grpc.http2.ping_timeout_ms", 10_000),
            ("grpc.keepalive_permit_without_calls", 1),
            # A restarted service is noticed within a second, not after the default's minutes.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
            ("grpc.dns_min_time_between_resolutions_ms", 2000),
        ],
        interceptors=[_UnaryUnary(tokens), _UnaryStream(tokens), _StreamStream(tokens)],
    )


def target_of(address: str) -> str:
    """gRPC's name for where a service is: of a target (`dns:///name:port`), of `host:port`, or of several `ip:port` with commas between,
    one for each replica."""
    if address.startswith(_SCHEMES):
        return address
    if "," not in address:
        return f"dns:///{address}"
    return f"{'ipv6' if address.lstrip().startswith('[') else 'ipv4'}:{address.replace(' ', '')}"


C = TypeVar("C", bound=grpc.aio.Call)


@asynccontextmanager
async def streaming(call: C) -> AsyncIterator[C]:
    """The only way to use a stream: leaving the block cancels it. Leaving an `async for` early would leak the server's handler."""
    try:
        yield call
    finally:
        call.cancel()


class _Prepared:
    """What is done to each outgoing call: a request id, a token, a deadline no later than the incoming call's."""

    def __init__(self, tokens: TokenSource | None) -> None:
        self._tokens = tokens

    async def _prepare(self, details: grpc.aio.ClientCallDetails) -> grpc.aio.ClientCallDetails:
        metadata = list(details.metadata or ())
        present = {key for key, _ in metadata}
        if REQUEST_ID not in present:
            metadata.append(
                (REQUEST_ID, structlog.contextvars.get_contextvars().get("request_id") or uuid7())
            )
        if self._tokens is not None and "authorization" not in present:
            metadata.extend(bearer(await self._tokens()))
        return grpc.aio.ClientCallDetails(
            method=details.method,
            timeout=deadlines.shrunk(details.timeout),
            metadata=grpc.aio.Metadata(*metadata),
            credentials=details.credentials,
            wait_for_ready=details.wait_for_ready,
        )


class _UnaryUnary(_Prepared, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        call, code = await self._answered(continuation, client_call_details, request)
        if code is grpc.StatusCode.CANCELLED:
            # Not by us: a server's core reset it before anybody saw it, because too many calls wait there or because it is at its end, and
            # can say so in no other way (what a handler had begun ends as UNAVAILABLE). So whatever it was, it may be sent again.
            await asyncio.sleep(_PAUSE_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 -- jitter, no secret
            call, code = await self._answered(continuation, client_call_details, request)
        if code is grpc.StatusCode.CANCELLED:
            raise rpc_error(overloaded())
        return call

    async def _answered(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> tuple[Any, grpc.StatusCode]:
        call = await continuation(await self._prepare(client_call_details), request)
        try:
            return call, await call.code()
        except asyncio.CancelledError:
            call.cancel()
            raise


class _UnaryStream(_Prepared, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await continuation(await self._prepare(client_call_details), request)


class _StreamStream(_Prepared, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        return await continuation(await self._prepare(client_call_details), request_iterator)
