"""gRPC channels to the services of the mesh, and streams that can't leak."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from mesh.addresses import grpc_target
from mesh.calling.interceptors import client_interceptors
from mesh.calling.retries_and_timeouts import service_config
from mesh.security.authentication import TokenSource

C = TypeVar("C", bound=grpc.aio.Call)


def open_channel(
    target: str, service: ServiceDescriptor, *, tokens: TokenSource | None = None
) -> grpc.aio.Channel:
    """Return a channel to a service, to be used as a context manager.

    Call it in the event loop that uses the channel, never at import. `target` is what `grpc_target` takes.
    With `tokens`, every RPC without an `authorization` of its own is sent with a token.
    """
    return grpc.aio.insecure_channel(
        grpc_target(target),
        options=[
            ("grpc.service_config", json.dumps(service_config(service))),
            ("grpc.enable_retries", 1),
            ("grpc.keepalive_time_ms", 15_000),
            ("grpc.keepalive_timeout_ms", 10_000),
            ("grpc.http2.ping_timeout_ms", 10_000),
            ("grpc.keepalive_permit_without_calls", 1),
            # Find a restarted service within a second; gRPC's defaults take minutes.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
            ("grpc.dns_min_time_between_resolutions_ms", 2000),
        ],
        interceptors=client_interceptors(tokens),
    )


@asynccontextmanager
async def streaming(call: C) -> AsyncIterator[C]:
    """Cancel a stream when the block ends.

    Use every stream so: leaving an `async for` early leaks the server's handler.
    """
    try:
        yield call
    finally:
        call.cancel()
