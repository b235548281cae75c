"""HTTP endpoints for operators: `/health` for probes, `/metrics` for Prometheus."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from mesh.serving.ports import Endpoint, listen


@contextmanager
def serving_probes(process: str, endpoint: Endpoint, healthy: Callable[[], bool]) -> Iterator[int]:
    """Serve the probes in a thread, so that a busy event loop doesn't delay them. Yields the port.

    Raises:
        ConfigurationError: the endpoint is unusable.
    """

    class Handler(BaseHTTPRequestHandler):
        """Answers `/health` and `/metrics`."""

        def do_GET(self) -> None:
            """Answer a GET request."""
            if self.path == "/health":
                good = healthy()
                body = {"process": process, "status": "serving" if good else "not serving"}
                self._answer(200 if good else 503, "application/json", json.dumps(body).encode())
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
            """Log nothing, because probes come every few seconds."""

    listener = listen(endpoint)
    # Its own socket would always be an IPv4 one.
    server = ThreadingHTTPServer((endpoint.bind, endpoint.port), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="http", daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
