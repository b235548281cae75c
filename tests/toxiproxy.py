"""A real toxiproxy between client and server, to delay, slice, throttle or drop bytes."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from cli.golang.build import build
from cli.golang.program import GoProgram
from cli.supervisor.child_processes import child_process
from tests.product import free_ports, wait_until_ready

TOXIPROXY = GoProgram(
    name="toxiproxy-server",
    title="toxiproxy server",
    package="github.com/Shopify/toxiproxy/v2/cmd/server",
    version="v2.5.0",
    needs=(1, 17),
    takes="half a minute",
    instead="put a toxiproxy-server on PATH",
)


def provide() -> Path:
    """Return the server's program: from PATH, from the user's cache, or newly built."""
    on_path = shutil.which("toxiproxy-server")
    if on_path:
        return Path(on_path)
    return TOXIPROXY.cached if TOXIPROXY.cached.is_file() else build(TOXIPROXY, Console(stderr=True))


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy in front of one server."""

    api: httpx.Client
    name: str
    port: int
    upstream: str
    """`host:port`."""

    @property
    def address(self) -> str:
        """`host:port` that the proxy listens on."""
        return f"127.0.0.1:{self.port}"

    def poison(self, kind: str, stream: str = "downstream", toxicity: float = 1.0, **attributes: int) -> None:
        """Add a toxic (https://github.com/Shopify/toxiproxy#toxics); `downstream` is server to client."""
        toxic = {
            "name": f"{kind}-{stream}",
            "type": kind,
            "stream": stream,
            "toxicity": toxicity,
            "attributes": attributes,
        }
        self._call("POST", "/toxics", toxic)

    def heal(self) -> None:
        """Close every connection and remove all toxics."""
        # Makes a new proxy, because toxiproxy 2.5 can hang when it removes a toxic from a stalled connection.
        self._call("DELETE", "")
        self.install()

    def install(self) -> None:
        """Create the proxy in the toxiproxy server."""
        settings = {"name": self.name, "listen": self.address, "upstream": self.upstream, "enabled": True}
        self.api.post("/proxies", json=settings).raise_for_status()

    def partition(self) -> None:
        """Drop all bytes in both directions; connections stay half-open."""
        for stream in ("upstream", "downstream"):
            self.poison("timeout", stream, timeout=0)

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self.api.request(method, f"/proxies/{self.name}{path}", json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None


@dataclass(frozen=True, slots=True)
class Toxiproxy:
    """A running toxiproxy server."""

    api: httpx.Client

    def new_proxy(self, upstream: str) -> Proxy:
        """Return a new proxy in front of `host:port`."""
        (port,) = free_ports(1)
        proxy = Proxy(self.api, f"proxy-{port}", port, upstream)
        proxy.install()
        return proxy


@contextlib.contextmanager
def toxiproxy_server() -> Iterator[Toxiproxy]:
    """Run a toxiproxy server."""
    (port,) = free_ports(1)
    command = [str(provide()), "-host", "127.0.0.1", "-port", str(port)]
    nothing = subprocess.DEVNULL
    with (
        child_process(command, stdin=nothing, stdout=nothing, stderr=nothing),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False) as api,
    ):
        wait_until_ready(lambda: api.get("/version").raise_for_status(), httpx.TransportError)
        yield Toxiproxy(api)


if __name__ == "__main__":
    provide()
