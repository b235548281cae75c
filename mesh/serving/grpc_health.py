"""gRPC's health service, with watches that end when the server stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_Response = health_pb2.HealthCheckResponse


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # grpcio-health-checking has no types
    """Health of each service of a process."""

    def __init__(self) -> None:
        self._states: dict[str, int] = {}
        self._changed = asyncio.Event()
        self._closed = False

    def serve(self, *names: str) -> None:
        """Mark services as SERVING; the empty name stands for the process."""
        self._states |= dict.fromkeys(names, _Response.SERVING)
        self._notify()

    def drain(self) -> None:
        """Mark every service as NOT_SERVING."""
        self._states = dict.fromkeys(self._states, _Response.NOT_SERVING)
        self._notify()

    def close_watches(self) -> None:
        """End every watch."""
        self._closed = True
        self._notify()

    async def Check(  # noqa: N802  # gRPC's name
        self, request: health_pb2.HealthCheckRequest, context: Any
    ) -> health_pb2.HealthCheckResponse:
        """Return the state of one service."""
        if request.service not in self._states:
            await context.abort(grpc.StatusCode.NOT_FOUND, "There is no such service here.")
        return _Response(status=self._states[request.service])

    async def Watch(  # noqa: N802 -- the contract's name
        self,
        request: health_pb2.HealthCheckRequest,
        context: Any,  # noqa: ARG002 -- gRPC hands every method a context
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """Send the state of one service now and after each change."""
        sent = None
        while not self._closed:
            changed, state = self._changed, self._states.get(request.service, _Response.SERVICE_UNKNOWN)
            if state != sent:
                yield _Response(status=state)
                sent = state
            await changed.wait()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
