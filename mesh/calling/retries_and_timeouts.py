"""Retries and timeouts of outgoing RPCs, taken from the contracts and the incoming RPC's deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodDescriptorProto, MethodOptions, ServiceDescriptorProto
from readback.options.v1 import options_pb2

UNARY_TIMEOUT_SECONDS = 10.0
"""Timeout of a unary RPC whose contract has no `patience_seconds`."""
DEADLINE_MARGIN_SECONDS = 0.05
"""Part of the remaining time that each hop reserves, so that its handler can still answer in time."""
_RETRY = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def service_config(*services: ServiceDescriptor) -> dict[str, Any]:
    """Return the gRPC service config of a channel to these services: retries, timeouts and load balancing.

    Idempotent methods are retried, on another replica if there is one. Other methods are retried only if no
    server received the RPC. Retries stop while most RPCs fail, so that they don't multiply the load on a
    broken service. Client-side health checks are off: with them, gRPC's core (1.76 to 1.85 at least) can
    crash when a connection breaks.
    """
    protos = {service.full_name: ServiceDescriptorProto() for service in services}
    for service in services:
        service.CopyToProto(protos[service.full_name])
    return service_config_of(protos)


def service_config_of(services: Mapping[str, ServiceDescriptorProto]) -> dict[str, Any]:
    """Return the service config of several services, given by their full names."""
    return {
        "loadBalancingConfig": [{"round_robin": {}}],
        "retryThrottling": {"maxTokens": 1000, "tokenRatio": 1},
        "methodConfig": [
            _method_config(name, method) for name, service in services.items() for method in service.method
        ],
    }


def _method_config(service: str, method: MethodDescriptorProto) -> dict[str, Any]:
    config: dict[str, Any] = {"name": [{"service": service, "method": method.name}]}
    if method.options.idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN:
        config["retryPolicy"] = _RETRY
    if not (method.client_streaming or method.server_streaming):
        patience = method.options.Extensions[options_pb2.patience_seconds]
        # gRPC uses this timeout or the caller's, whichever is shorter.
        config["timeout"] = f"{patience or UNARY_TIMEOUT_SECONDS:g}s"
    return config


def set_deadline(seconds_left: float | None) -> None:
    """Set the remaining time of the RPC being handled; None if its caller set no deadline."""
    _deadline.set(None if seconds_left is None else asyncio.get_running_loop().time() + seconds_left)


def shrink_timeout(timeout: float | None) -> float | None:
    """Return the smaller of an outgoing RPC's timeout and the incoming RPC's remaining time, in seconds."""
    deadline = _deadline.get()
    if deadline is None:
        return timeout
    remaining = max(0.0, deadline - asyncio.get_running_loop().time() - DEADLINE_MARGIN_SECONDS)
    return remaining if timeout is None else min(timeout, remaining)
