"""A company's web proxy that records what it is asked for, and connects to nothing."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class RecordingProxy:
    """A running proxy."""

    url: str
    requests: list[str] = field(default_factory=list)
    """The request lines so far, for example `CONNECT api.example:443 HTTP/1.1`."""

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment variables for it, in both spellings."""
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
        return dict.fromkeys(names, self.url)


@contextmanager
def recording_proxy() -> Iterator[RecordingProxy]:
    """Run a proxy until the block ends. It answers every request with 502."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            proxy.requests.append(self.rfile.readline().decode("latin-1").strip())
            while self.rfile.readline().strip():
                pass
            self.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        proxy = RecordingProxy(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
