"""Prometheus metrics of every RPC."""

from __future__ import annotations

import functools

import grpc
from prometheus_client import Counter, Gauge, Histogram

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

HANDLED = Counter("readback_rpc_handled_total", "RPCs answered, by method and gRPC code", ["method", "code"])
SECONDS = Histogram(
    "readback_rpc_seconds", "Time to answer a unary RPC, in seconds", ["method"], buckets=_BUCKETS
)
RUNNING = Gauge("readback_rpc_running", "RPCs being handled", ["method"])

_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}


class MethodMetrics:
    """Metrics of one method. Labels are resolved once, because looking them up costs more than counting."""

    def __init__(self, path: str, *, streaming: bool) -> None:
        self.running = RUNNING.labels(path)
        self._seconds = None if streaming else SECONDS.labels(path)
        self._handled = functools.cache(lambda code: HANDLED.labels(path, code))

    def observe(self, code: str, seconds: float) -> None:
        """Count an answer; its duration is recorded for unary methods only."""
        self._handled(code).inc()
        if self._seconds is not None:
            self._seconds.observe(seconds)


def code_name(code: grpc.StatusCode | int) -> str:
    """Return the name of a context's status code, which gRPC gives as an enum or a number (0 if unset)."""
    return code.name if isinstance(code, grpc.StatusCode) else _NAMES.get(code, "OK")
