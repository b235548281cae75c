"""Retries and timeouts of outgoing RPCs, read off the contracts."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from readback.options.v1 import options_pb2

UNARY_TIMEOUT_SECONDS = 10.0
"""Timeout of a unary RPC whose contract has no `patience_seconds`."""
_RETRY = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}


def service_config(service: ServiceDescriptor) -> dict[str, Any]:
    """Return the gRPC service config of a service: retries, timeouts and load balancing.

    Idempotent methods are retried, on another replica if there is one; other methods only if no server saw
    them. Retries stop while most RPCs fail, so that they don't multiply the load on a broken service. Health
    streams stay off, because gRPC's core (1.76 to 1.85 at least) can crash when a connection breaks under
    one.
    """
    return {
        "loadBalancingConfig": [{"round_robin": {}}],
        "retryThrottling": {"maxTokens": 1000, "tokenRatio": 1},
        "methodConfig": [_method_config(method) for method in service.methods],
    }


def _method_config(method: MethodDescriptor) -> dict[str, Any]:
    name = {"service": method.containing_service.full_name, "method": method.name}
    config: dict[str, Any] = {"name": [name]}
    if method.GetOptions().idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN:
        config["retryPolicy"] = _RETRY
    if not (method.client_streaming or method.server_streaming):
        patience = method.GetOptions().Extensions[options_pb2.patience_seconds]
        # gRPC takes the shorter of this and the caller's own timeout.
        config["timeout"] = f"{patience or UNARY_TIMEOUT_SECONDS:g}s"
    return config
