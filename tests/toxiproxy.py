"""A real toxiproxy between two parties: bytes that come late, slowly, in slices, half, or not at all."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from cli.golang.build import build
from cli.golang.program import GoProgram
from tests.product import free_ports

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
    """The server's program: on PATH, in the user's cache, or built now."""
    on_path = shutil.which("toxiproxy-server")
    if on_path:
        return Path(on_path)
    return TOXIPROXY.cached if TOXIPROXY.cached.is_file() else build(TOXIPROXY, Console(stderr=True))


@dataclass(frozen=True, slots=True)
class Proxy:
    """One door that leads to one server."""

    api: httpx.Client
    name: str
    port: int
    upstream: str
    """`host:port`."""

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    def poison(self, kind: str, stream: str = "downstream", toxicity: float = 1.0, **attributes: int) -> None:
        """Adds a toxic (https://github.com/Shopify/toxiproxy#toxics); `downstream` is what the server answers."""
        toxic = {
            "name": f"{kind}-{stream}",
            "type": kind,
            "stream": stream,
            "toxicity": toxicity,
            "attributes": attributes,
        }
        self._call("POST", "/toxics", toxic)

    def heal(self) -> None:
        """Ends every connection there is, with the toxics on it, and takes new ones without any."""
        # A proxy of its own instead of toxics taken away: toxiproxy 2.5 may hang over a toxic whose connection stands still.
        self._call("DELETE", "")
        self.install()

    def install(self) -> None:
        """Makes it."""
        wanted = {"name": self.name, "listen": self.address, "upstream": self.upstream, "enabled": True}
        self.api.post("/proxies", json=wanted).raise_for_status()

    def partition(self) -> None:
        """Lets nothing through either way, without telling anybody: connections stay, half-open."""
        for stream in ("upstream", "downstream"):
            self.poison("timeout", stream, timeout=0)

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self.api.request(method, f"/proxies/{self.name}{path}", json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None


@dataclass(frozen=True, slots=True)
class Toxiproxy:
    """A running server."""

    api: httpx.Client

    def door(self, upstream: str) -> Proxy:
        """A new proxy in front of `host:port`."""
        (port,) = free_ports(1)
        made = Proxy(self.api, f"door-{port}", port, upstream)
        made.install()
        return made


@contextlib.contextmanager
def toxiproxy_server() -> Iterator[Toxiproxy]:
    """Runs a server of its own."""
    (port,) = free_ports(1)
    command = [str(provide()), "-host", "127.0.0.1", "-port", str(port)]
    server = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False) as api:
            _wait_for(api)
            yield Toxiproxy(api)
    finally:
        server.kill()
        server.wait()


def _wait_for(api: httpx.Client) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            api.get("/version").raise_for_status()
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


if __name__ == "__main__":
    provide()
