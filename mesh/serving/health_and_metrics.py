"""Health and metrics of a process: gRPC's health service, `/health` and `/metrics` over HTTP, RPC metrics."""

from __future__ import annotations

import asyncio
import functools
import json
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

from mesh.serving.ports import Endpoint, listen
from mesh.settings import reachable_host

PROBE_SECONDS = 10
"""Time after which a silent connection to the probes is closed."""
MAX_PROBES = 32
"""Open connections to the probes."""
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

HANDLED = Counter("readback_rpc_handled_total", "RPCs answered, by method and gRPC code", ["method", "code"])
SECONDS = Histogram(
    "readback_rpc_seconds", "Time to answer a unary RPC, in seconds", ["method"], buckets=_BUCKETS
)
RUNNING = Gauge("readback_rpc_running", "RPCs being handled", ["method"])

_CODE_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}
_Response = health_pb2.HealthCheckResponse


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # grpcio-health-checking has no types
    """Health of each service of a process."""

    def __init__(self) -> None:
        self._states: dict[str, int] = {}
        self._changed = asyncio.Event()
        self._closed = False

    def serve(self, *names: str) -> None:
        """Mark services as SERVING; the empty name means the whole process."""
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

    async def List(  # noqa: N802  # gRPC's name
        self,
        request: health_pb2.HealthListRequest,  # noqa: ARG002  # empty
        context: Any,  # noqa: ARG002  # gRPC gives every method a context
    ) -> health_pb2.HealthListResponse:
        """Return the state of every service."""
        states = {name: _Response(status=state) for name, state in self._states.items()}
        return health_pb2.HealthListResponse(statuses=states)

    async def Watch(  # noqa: N802  # gRPC's name
        self,
        request: health_pb2.HealthCheckRequest,
        context: Any,  # noqa: ARG002  # gRPC gives every method a context
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


@contextmanager
def serving_probes(process: str, endpoint: Endpoint, healthy: Callable[[], bool]) -> Iterator[int]:
    """Serve the probes in a thread, so that a busy event loop doesn't delay them; yield the port.

    Raises:
        ConfigurationError: the endpoint is unusable.
    """

    class Handler(BaseHTTPRequestHandler):
        """Answers `/health` and `/metrics`."""

        timeout = PROBE_SECONDS

        def do_GET(self) -> None:
            """Answer a GET request."""
            if self.path == "/health":
                code, status = (200, "serving") if healthy() else (503, "not serving")
                body = {"process": process, "status": status}
                self._answer(code, "application/json", json.dumps(body).encode())
            elif self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest())
            else:
                self._answer(404, "text/plain", b"not found\n")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
            """Log nothing, because a probe is sent every few seconds."""

    listener = listen(endpoint)
    # ThreadingHTTPServer creates an IPv4 socket even for an IPv6 address.
    server = _ProbeServer((endpoint.bind, endpoint.port), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    stopping = threading.Event()
    thread = threading.Thread(target=_answer_until, args=(stopping, server), name="http", daemon=True)
    thread.start()
    port = listener.getsockname()[1]
    try:
        yield port
    finally:
        stopping.set()
        # A connection ends the thread's wait for one.
        with suppress(OSError):
            socket.create_connection((reachable_host(endpoint.bind), port), timeout=1).close()
        thread.join(1)
        server.server_close()


def _answer_until(stopping: threading.Event, server: ThreadingHTTPServer) -> None:
    """Answer requests. `serve_forever` would wake several times a second to see whether it should stop."""
    while not stopping.is_set():
        server.handle_request()


class _ProbeServer(ThreadingHTTPServer):
    """Serves each connection in a thread. Too many connections end the oldest, so slow callers hold none."""

    daemon_threads = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._open: dict[Any, None] = {}

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open[request] = None
        for oldest in list(self._open)[:-MAX_PROBES]:
            with suppress(OSError):
                oldest.shutdown(socket.SHUT_RDWR)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class MethodMetrics:
    """Metrics of one method. Labels are resolved once, because looking them up costs more than counting."""

    def __init__(self, path: str, *, streaming: bool) -> None:
        self.running = RUNNING.labels(path)
        self._seconds = None if streaming else SECONDS.labels(path)
        self._handled = functools.cache(lambda code: HANDLED.labels(path, code))

    def observe(self, code: str, seconds: float) -> None:
        """Count an answer, and record its duration in seconds if the method is unary."""
        self._handled(code).inc()
        if self._seconds is not None:
            self._seconds.observe(seconds)


def code_name(code: grpc.StatusCode | int) -> str:
    """Return the name of a status code, which is an enum or a number in gRPC's contexts (0 if unset)."""
    return code.name if isinstance(code, grpc.StatusCode) else _CODE_NAMES.get(code, "OK")
