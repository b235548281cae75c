"""Serving the app over HTTP, from the first request to the last one that is let finish."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import structlog
import uvicorn
from fastapi import FastAPI

from gradio_ui.feed import Feeds
from gradio_ui.settings import UiSettings
from mesh.http import http_side
from mesh.settings import ConfigurationError
from mesh.stopping import told_to_stop

_log = structlog.get_logger()


class _Server(uvicorn.Server):
    """uvicorn, except that it says when it is up, leaves signals alone, and ends open feeds: browsers never hang up by themselves."""

    def __init__(self, config: uvicorn.Config, feeds: Feeds) -> None:
        super().__init__(config)
        self._feeds = feeds
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to serve."""
        await super().startup(sockets)
        self.up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops; what is still running after the configured time is cut off."""
        self._feeds.end_all()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: `serve` decides when it ends."""
        yield


@dataclass(frozen=True, slots=True)
class RunningPage:
    """An app that takes requests."""

    url: str
    """`http://host:port`."""
    healthy: Callable[[], bool]
    """Whether it takes new requests."""


@asynccontextmanager
async def running(app: FastAPI, settings: UiSettings) -> AsyncIterator[RunningPage]:
    """Serves an app until the block ends: then feeds end, other requests get `ui_stop_seconds`, channels close.

    Raises:
        ConfigurationError: the port is taken.
    """
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=settings.ui_stop_seconds)
    server = _Server(config, app.state.feeds)
    with _listening(settings) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        up = asyncio.create_task(server.up.wait())
        try:
            await asyncio.wait({serving, up}, return_when=asyncio.FIRST_COMPLETED)
            host, port = listener.getsockname()[:2]
            yield RunningPage(f"http://{host}:{port}", lambda: server.started and not server.should_exit)
        finally:
            up.cancel()
            server.should_exit = True
            await serving


async def serve(app: FastAPI, settings: UiSettings) -> None:
    """Serves an app, and its health and metrics beside it, until SIGTERM or SIGINT. A second signal ends the process at once.

    Raises:
        ConfigurationError: a port is taken.
    """
    stopping = told_to_stop()
    async with running(app, settings) as page:
        with http_side("ui", settings.bind, settings.ui_http_port, page.healthy) as http_port:
            _log.info("serving", url=page.url, http_port=http_port)
            await stopping.wait()
            _log.info("stopping")


def _listening(settings: UiSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.bind else socket.AF_INET
    try:
        return socket.create_server((settings.bind, settings.ui_port), family=family)
    except OSError:
        where = f"Port {settings.ui_port} on {settings.bind}"
        raise ConfigurationError(f"{where} is in use; stop what uses it or set READBACK_UI_PORT to another.") from None
