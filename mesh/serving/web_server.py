"""HTTP server for ASGI apps, with limits and an orderly shutdown."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

import structlog
import uvicorn
from starlette.types import ASGIApp

from mesh.serving.forwarded_headers import ForwardedHeaders
from mesh.serving.health_and_metrics import serving_probes
from mesh.serving.http_connections import HttpLimits, connection_class
from mesh.serving.ports import Endpoint, listen
from mesh.serving.request_bodies import RequestBodies
from mesh.serving.shutdown import stop_event
from mesh.settings import with_port

TICK_SECONDS = 1.0
"""Interval in which an HTTP server refreshes its `Date` header."""
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class WebServer:
    """Settings of an HTTP server."""

    process: str
    """Name of the process, shown by `/health`."""
    endpoint: Endpoint
    stop_seconds: int
    """Time that open requests get to finish when the server stops."""
    before_stop: Callable[[], None] = lambda: None
    """Called first when the server stops. It ends streams that browsers would otherwise hold open."""
    limits: HttpLimits = field(default_factory=HttpLimits)


@dataclass(frozen=True, slots=True)
class RunningWebServer:
    """A web server that accepts requests."""

    url: str
    """`http://host:port`."""
    healthy: Callable[[], bool]
    """Returns whether the server accepts new requests."""


class _Uvicorn(uvicorn.Server):
    """uvicorn that reports its start, ignores signals, and ends open streams before it waits for requests."""

    def __init__(self, config: uvicorn.Config, before_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._before_stop = before_stop
        self.up, self._stopping = asyncio.Event(), asyncio.Event()

    def stop(self) -> None:
        """End the server."""
        self.should_exit = True
        self._stopping.set()

    async def main_loop(self) -> None:
        # uvicorn's own loop wakes ten times a second to see whether it should stop. The first of ten ticks
        # refreshes the `Date` header.
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), TICK_SECONDS)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._before_stop()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def running(app: ASGIApp, web_server: WebServer) -> AsyncIterator[RunningWebServer]:
    """Serve an app until the block ends.

    Then it calls `before_stop`, gives open requests `stop_seconds` to finish, and closes the port.

    Raises:
        ConfigurationError: the endpoint is unusable.
    """
    limits = web_server.limits
    bounded = RequestBodies(app, max_bytes=limits.body_bytes, seconds=limits.body_seconds)
    config = uvicorn.Config(
        ForwardedHeaders(bounded, limits.trusted_proxies),
        http=connection_class(limits),
        ws="none",
        proxy_headers=False,  # uvicorn would trust every process of this machine
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=web_server.stop_seconds,
    )
    server = _Uvicorn(config, web_server.before_stop)
    with listen(web_server.endpoint) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        up = asyncio.create_task(server.up.wait())
        try:
            await asyncio.wait({serving, up}, return_when=asyncio.FIRST_COMPLETED)
            host, port = listener.getsockname()[:2]
            yield RunningWebServer(
                f"http://{with_port(host, port)}", lambda: server.started and not server.should_exit
            )
        finally:
            up.cancel()
            server.stop()
            await serving


async def serve(app: ASGIApp, web_server: WebServer, *, probes: Endpoint) -> None:
    """Serve an app, its health and its metrics until SIGTERM or SIGINT.

    A second signal ends the process immediately.

    Raises:
        ConfigurationError: an endpoint is unusable.
    """
    stopping = stop_event()
    async with running(app, web_server) as served:
        with serving_probes(web_server.process, probes, served.healthy) as http_port:
            _log.info("serving", url=served.url, http_port=http_port)
            await stopping.wait()
            _log.info("stopping")
