"""Prometheus metrics of every RPC. Labels are resolved once a method: looking them up costs more than counting."""

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
    """What is counted and timed of one method."""

    def __init__(self, path: str, *, streaming: bool) -> None:
        self.running = RUNNING.labels(path)
        self._seconds = None if streaming else SECONDS.labels(path)
        self._handled = functools.cache(lambda code: HANDLED.labels(path, code))

    def answered(self, code: str, seconds: float) -> None:
        """Counts an answer; how long it took says something of calls with one answer only."""
        self._handled(code).inc()
        if self._seconds is not None:
            self._seconds.observe(seconds)


def code_name(code: grpc.StatusCode | int) -> str:
    """Name of the code that gRPC's context says a call was answered with; it is a number at times, and 0 until one is set."""
    return code.name if isinstance(code, grpc.StatusCode) else _NAMES.get(code, "OK")
