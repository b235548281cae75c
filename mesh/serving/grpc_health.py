"""gRPC's health service, for servers that stop: its watches end with the server and don't hold it up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_Response = health_pb2.HealthCheckResponse


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # grpcio-health-checking has no types
    """Says of each service of a process whether it takes calls. Channels of the mesh hold a watch on it for each connection."""

    def __init__(self) -> None:
        self._states: dict[str, int] = {}
        self._changed = asyncio.Event()
        self._over = False

    def serve(self, *names: str) -> None:
        """These services take calls; the empty name stands for the process."""
        self._states |= dict.fromkeys(names, _Response.SERVING)
        self._tell()

    def drain(self) -> None:
        """None takes calls any more."""
        self._states = dict.fromkeys(self._states, _Response.NOT_SERVING)
        self._tell()

    def let_go(self) -> None:
        """Ends every watch."""
        self._over = True
        self._tell()

    async def Check(  # noqa: N802  # gRPC's name
        self, request: health_pb2.HealthCheckRequest, context: Any
    ) -> health_pb2.HealthCheckResponse:
        """The state of one service."""
        if request.service not in self._states:
            await context.abort(grpc.StatusCode.NOT_FOUND, "There is no such service here.")
        return _Response(status=self._states[request.service])

    async def Watch(  # noqa: N802 -- the contract's name
        self,
        request: health_pb2.HealthCheckRequest,
        context: Any,  # noqa: ARG002 -- gRPC hands every method a context
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """The state of one service, whenever it changes."""
        said = None
        while not self._over:
            changed, state = self._changed, self._states.get(request.service, _Response.SERVICE_UNKNOWN)
            if state != said:
                yield _Response(status=state)
                said = state
            await changed.wait()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
