"""gRPC channels to the services of the mesh.

Each outgoing RPC gets a request id, a token, and a deadline no later than the incoming RPC's.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from mesh.calling.retries_and_timeouts import service_config, shrink_timeout
from mesh.errors import overloaded, rpc_error
from mesh.ids import REQUEST_ID, current_request_id
from mesh.security.authentication import TokenSource, bearer

C = TypeVar("C", bound=grpc.aio.Call)
_TARGET_SCHEMES = ("dns:", "ipv4:", "ipv6:", "unix:", "xds:")
_RESEND_AFTER_SECONDS = 0.1
"""Average pause before a call is sent again after the server's gRPC core reset it."""


def open_channel(
    target: str, *services: ServiceDescriptor, tokens: TokenSource | None = None
) -> grpc.aio.Channel:
    """Return a channel to the services of one process. Use it as a context manager.

    Call it in the event loop that uses the channel, never at import. `target` is passed to `grpc_target`.
    An RPC without `authorization` metadata is sent with a token from `tokens`, if given.
    """
    return grpc.aio.insecure_channel(
        grpc_target(target),
        options=[
            ("grpc.service_config", json.dumps(service_config(*services))),
            ("grpc.enable_retries", 1),
            # Services are not behind the proxy for web pages that HTTP_PROXY or https_proxy names.
            ("grpc.enable_http_proxy", 0),
            ("grpc.keepalive_time_ms", 15_000),
            ("grpc.keepalive_timeout_ms", 10_000),
            ("grpc.http2.ping_timeout_ms", 10_000),
            ("grpc.keepalive_permit_without_calls", 1),
            # Finds a restarted service within a second; gRPC's defaults take minutes.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
            ("grpc.dns_min_time_between_resolutions_ms", 2000),
        ],
        interceptors=[_UnaryUnary(tokens), _UnaryStream(tokens), _StreamStream(tokens)],
    )


@asynccontextmanager
async def streaming(call: C) -> AsyncIterator[C]:
    """Cancel a stream when the block ends.

    Wrap every stream in it, because leaving an `async for` early leaks the server's handler.
    """
    try:
        yield call
    finally:
        call.cancel()


def grpc_target(address: str) -> str:
    """Return the gRPC target of a service's address.

    The address is a target (`dns:///name:port`), `host:port`, or a list of replicas (`ip:port,ip:port`).
    """
    if address.startswith(_TARGET_SCHEMES):
        return address
    if "," not in address:
        return f"dns:///{address}"
    return f"{'ipv6' if address.lstrip().startswith('[') else 'ipv4'}:{address.replace(' ', '')}"


class _WithContext:
    def __init__(self, tokens: TokenSource | None) -> None:
        self._tokens = tokens

    async def _prepare(self, details: grpc.aio.ClientCallDetails) -> grpc.aio.ClientCallDetails:
        metadata = list(details.metadata or ())
        present = {key for key, _ in metadata}
        if REQUEST_ID not in present:
            metadata.append((REQUEST_ID, current_request_id()))
        if self._tokens is not None and "authorization" not in present:
            metadata.extend(bearer(await self._tokens()))
        return grpc.aio.ClientCallDetails(
            method=details.method,
            timeout=shrink_timeout(details.timeout),
            metadata=grpc.aio.Metadata(*metadata),
            credentials=details.credentials,
            wait_for_ready=details.wait_for_ready,
        )


class _UnaryUnary(_WithContext, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        call, code = await self._send(continuation, client_call_details, request)
        if code is grpc.StatusCode.CANCELLED:
            # The server's gRPC core reset the call before a handler began, because too many calls are pending
            # or the server is stopping. So any method may be sent again. Later the code would be UNAVAILABLE.
            jitter = random.uniform(0.5, 1.5)  # noqa: S311 -- no secret
            await asyncio.sleep(_RESEND_AFTER_SECONDS * jitter)
            call, code = await self._send(continuation, client_call_details, request)
        if code is grpc.StatusCode.CANCELLED:
            raise rpc_error(overloaded())
        return call

    async def _send(self, continuation: Any, details: Any, request: Any) -> tuple[Any, grpc.StatusCode]:
        call = await continuation(await self._prepare(details), request)
        try:
            return call, await call.code()
        except asyncio.CancelledError:
            call.cancel()
            raise


class _UnaryStream(_WithContext, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await continuation(await self._prepare(client_call_details), request)


class _StreamStream(_WithContext, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        return await continuation(await self._prepare(client_call_details), request_iterator)
