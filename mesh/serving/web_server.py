"""Serving an ASGI app over HTTP, from the first request to the last one that is let finish."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import structlog
import uvicorn
from starlette.types import ASGIApp

from mesh.addresses import with_port
from mesh.serving.http_probes import http_side
from mesh.serving.ports import Endpoint, listening
from mesh.serving.shutdown import stop_event

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Site:
    """Where an app is served, and how it ends."""

    name: str
    """Of the process, for `/health`."""
    bind: str
    port: int
    variable: str
    """The setting that moves the port."""
    stop_seconds: int
    """How long open requests may take to finish."""
    before_stop: Callable[[], None] = lambda: None
    """Ends streams that browsers would hold open for ever."""


@dataclass(frozen=True, slots=True)
class RunningSite:
    """An app that takes requests."""

    url: str
    """`http://host:port`."""
    healthy: Callable[[], bool]
    """Whether it takes new requests."""


class _Server(uvicorn.Server):
    """uvicorn, except that it says when it is up, leaves signals alone, and ends open streams before it waits for them."""

    def __init__(self, config: uvicorn.Config, before_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._before_stop = before_stop
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to serve."""
        await super().startup(sockets)
        self.up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops; what is still running after the configured time is cut off."""
        self._before_stop()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: `serve` decides when it ends."""
        yield


@asynccontextmanager
async def running(app: ASGIApp, site: Site) -> AsyncIterator[RunningSite]:
    """Serves an app until the block ends: then streams end, other requests get `stop_seconds`, the port closes.

    Raises:
        ConfigurationError: it can't listen there.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=site.stop_seconds,
    )
    server = _Server(config, site.before_stop)
    with listening(Endpoint(site.bind, site.port, site.variable)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        up = asyncio.create_task(server.up.wait())
        try:
            await asyncio.wait({serving, up}, return_when=asyncio.FIRST_COMPLETED)
            host, port = listener.getsockname()[:2]
            yield RunningSite(
                f"http://{with_port(host, port)}", lambda: server.started and not server.should_exit
            )
        finally:
            up.cancel()
            server.should_exit = True
            await serving


async def serve(app: ASGIApp, site: Site, *, probed_at: Endpoint) -> None:
    """Serves an app, and its health and metrics beside it, until SIGTERM or SIGINT. A second signal ends the process at once.

    Raises:
        ConfigurationError: it can't listen somewhere.
    """
    stopping = stop_event()
    async with running(app, site) as served:
        with http_side(site.name, probed_at, served.healthy) as taken:
            _log.info("serving", url=served.url, http_port=taken)
            await stopping.wait()
            _log.info("stopping")
