"""The app: routes, page and gate put together, and the process that serves it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
import uvicorn
import uvloop
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware

from gradio_ui import calls, feed, history, page, sign_in
from gradio_ui.backends import opened
from gradio_ui.failures import answer_failures
from gradio_ui.feed import Feeds
from gradio_ui.gate import Gate
from gradio_ui.headers import SecurityHeaders
from gradio_ui.settings import UiSettings
from mesh import logs
from mesh.http import http_side
from mesh.settings import CHECKOUT, ConfigurationError, load

LIVEKIT_CLIENT = CHECKOUT / "third_party" / "js" / "livekit-client"
_log = structlog.get_logger()


def create_app(settings: UiSettings) -> FastAPI:
    """The whole web app; its channels to the services open when it starts and close when it stops."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened(settings) as backends:
            app.state.backends = backends
            yield

    app = FastAPI(title="Readback", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.settings = settings
    app.state.feeds = Feeds()
    answer_failures(app)
    # Not "/static": Gradio, mounted at "/", has its own there. Compressed here alone: a compressed feed would be held back.
    app.mount("/ui/vendor", _files(LIVEKIT_CLIENT))
    app.mount("/ui", _files(page.STATIC))
    for routes in (sign_in, calls, feed, history):
        app.include_router(routes.router)
    page.mount(app, page.build())
    app.add_middleware(Gate)
    app.add_middleware(SecurityHeaders, livekit_origins=settings.livekit_origins)
    return app


def _files(folder: Path) -> GZipMiddleware:
    return GZipMiddleware(StaticFiles(directory=folder), minimum_size=1024)


class PageServer(uvicorn.Server):
    """uvicorn, except that open feeds end when it is told to stop: it would wait for them, and browsers never hang up."""

    def __init__(self, config: uvicorn.Config, feeds: Feeds) -> None:
        super().__init__(config)
        self._feeds = feeds

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends the feeds, then everything else."""
        self._feeds.end_all()
        await super().shutdown(sockets)


async def serve(settings: UiSettings) -> None:
    """Serves the page, and its health and metrics beside it, until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: the port is taken.
    """
    app = create_app(settings)
    stop = settings.ui_stop_seconds
    server = PageServer(uvicorn.Config(app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=stop), app.state.feeds)
    with _listening(settings) as listener, http_side("ui", settings.bind, settings.ui_http_port, lambda: server.started and not server.should_exit):
        _log.info("serving", address="http://{}:{}".format(*listener.getsockname()[:2]), http_port=settings.ui_http_port)
        await server.serve(sockets=[listener])


def _listening(settings: UiSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.bind else socket.AF_INET
    try:
        return socket.create_server((settings.bind, settings.ui_port), family=family)
    except OSError:
        where = f"Port {settings.ui_port} on {settings.bind}"
        raise ConfigurationError(f"{where} is in use; stop what uses it or set READBACK_UI_PORT to another.") from None


def main() -> None:
    """Serves the page until SIGTERM.

    Raises:
        ConfigurationError: a setting is wrong or a port taken.
    """
    settings = load(UiSettings)
    logs.configure(settings, "ui")
    uvloop.run(serve(settings))
