"""A part for tests: answers health checks, and optionally starts a child, ignores SIGTERM or fails."""

import argparse
import json
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int)
parser.add_argument("--stubborn", action="store_true", help="ignore SIGTERM")
parser.add_argument(
    "--child",
    action="store_true",
    help="start a stubborn child in a session of its own, which holds our output open",
)
parser.add_argument("--fail", type=int, help="end at once with this exit code")
options = parser.parse_args()


class Health(BaseHTTPRequestHandler):
    """A health endpoint."""

    def do_GET(self) -> None:
        """Answer 200."""
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing."""


if options.fail is not None:
    print("READBACK_SHOE_SIZE: must be a number", flush=True)
    sys.exit(options.fail)
if options.child:
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
server = HTTPServer(("127.0.0.1", options.port), Health)
print(json.dumps({"level": "warning", "logger": "mesh.part", "event": "low on tea"}), flush=True)
print("plain text", flush=True)


def stop(*_: object) -> None:
    """Stop the server from another thread."""
    threading.Thread(target=server.shutdown).start()


signal.signal(signal.SIGTERM, signal.SIG_IGN if options.stubborn else stop)
server.serve_forever()
