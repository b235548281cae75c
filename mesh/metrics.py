"""Prometheus metrics of every RPC."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
from prometheus_client import Counter, Gauge, Histogram

from mesh.layers import Call

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

HANDLED = Counter("readback_rpc_handled_total", "RPCs answered, by method and gRPC code", ["method", "code"])
SECONDS = Histogram("readback_rpc_seconds", "Time to answer a unary RPC, in seconds", ["method"], buckets=_BUCKETS)
RUNNING = Gauge("readback_rpc_running", "RPCs being handled", ["method"])


@asynccontextmanager
async def measured(call: Call) -> AsyncIterator[None]:
    """A layer that counts and times."""
    running = RUNNING.labels(call.method)
    running.inc()
    begun = time.perf_counter()
    cancelled = False
    try:
        yield
    except BaseException as error:
        # An abort is an `Exception`; what is left here is the caller going away.
        cancelled = not isinstance(error, Exception)
        raise
    finally:
        running.dec()
        if not call.streaming:
            SECONDS.labels(call.method).observe(time.perf_counter() - begun)
        HANDLED.labels(call.method, "CANCELLED" if cancelled else code_name(call)).inc()


def code_name(call: Call) -> str:
    """Name of the code a call was answered with."""
    code = call.context.code()
    if isinstance(code, grpc.StatusCode):
        return code.name
    return next((known.name for known in grpc.StatusCode if known.value[0] == code), "OK")
