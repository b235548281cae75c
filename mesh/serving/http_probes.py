"""The small HTTP side of a process: `/health` for probes, `/metrics` for Prometheus."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from mesh.serving.ports import Endpoint, listening


@contextmanager
def http_side(name: str, endpoint: Endpoint, healthy: Callable[[], bool]) -> Iterator[int]:
    """Serves in a thread of its own, so that a busy event loop still answers its probe. Yields the port.

    Raises:
        ConfigurationError: it can't listen there.
    """

    class Handler(BaseHTTPRequestHandler):
        """Answers two paths."""

        def do_GET(self) -> None:
            """Answers a GET."""
            if self.path == "/health":
                good = healthy()
                body = json.dumps({"process": name, "status": "serving" if good else "not serving"}).encode()
                self._answer(200 if good else 503, "application/json", body)
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

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the standard library's signature
            """Probes are not worth a log line."""

    server = _server(endpoint, Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="http", daemon=True)
    thread.start()
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _server(endpoint: Endpoint, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    """A server on a socket of ours: its own would be IPv4's whatever the address."""
    listener = listening(endpoint)
    server = ThreadingHTTPServer((endpoint.bind, endpoint.port), handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.daemon_threads = True
    return server
