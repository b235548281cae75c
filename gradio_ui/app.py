"""Assembly of the web app from routes, layout and middleware, and its server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import uvloop
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware

from gradio_ui import layout
from gradio_ui.api import calls, conversations, event_stream
from gradio_ui.api.error_responses import add_error_handlers
from gradio_ui.api.event_stream import EventStreams
from gradio_ui.api.services import open_services
from gradio_ui.middleware.access_control import AccessControl
from gradio_ui.middleware.public_address import PublicAddress
from gradio_ui.middleware.security_headers import SecurityHeaders
from gradio_ui.page_address import PageAddress
from gradio_ui.settings import UiSettings
from gradio_ui.sign_in import routes as sign_in
from mesh import logs
from mesh.ip_addresses import TrustedProxies
from mesh.serving import web_server
from mesh.serving.http_connections import HttpLimits
from mesh.serving.ports import endpoint_of
from mesh.settings import load

LIVEKIT_CLIENT = Path(__file__).parent / "livekit_client"
"""Folder with an unchanged copy of LiveKit's browser client (see its README)."""


def create_app(settings: UiSettings) -> FastAPI:
    """Return the web app. It opens channels to the services at startup and closes them at shutdown."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_services(settings) as services:
            app.state.services = services
            yield

    app = FastAPI(title="Readback", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.settings = settings
    app.state.event_streams = EventStreams()
    add_error_handlers(app)
    # The path "/static" belongs to Gradio, which is mounted at "/". Only files are compressed, because
    # compression would delay event streams.
    app.mount("/ui/vendor", _files(LIVEKIT_CLIENT))
    app.mount("/ui", _files(layout.STATIC))
    for routes in (sign_in, calls, event_stream, conversations):
        app.include_router(routes.router)
    layout.mount(app, layout.build(), settings.public_url)
    app.add_middleware(AccessControl, path=PageAddress.configured(settings.public_url).path)
    app.add_middleware(SecurityHeaders, livekit_for=settings.livekit_for)
    app.add_middleware(PublicAddress, public_url=settings.public_url)
    return app


def _files(folder: Path) -> GZipMiddleware:
    return GZipMiddleware(StaticFiles(directory=folder), minimum_size=1024)


def running(app: FastAPI, settings: UiSettings) -> AbstractAsyncContextManager[web_server.RunningWebServer]:
    """Serve an app until the block ends.

    Raises:
        ConfigurationError: the port is in use.
    """
    return web_server.running(app, _server(app, settings))


def _server(app: FastAPI, settings: UiSettings) -> web_server.WebServer:
    # Browsers keep event streams open, so the server ends all streams before it waits for other requests to
    # finish.
    return web_server.WebServer(
        "ui",
        endpoint_of(settings, "ui_port"),
        settings.ui_stop_seconds,
        app.state.event_streams.end_all,
        HttpLimits(
            connections_per_source=settings.ui_connections_per_source,
            trusted_proxies=TrustedProxies(settings.trusted_proxies),
        ),
    )


def main() -> None:
    """Serve the web app, its health and its metrics until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: a setting is wrong or a port is in use.
    """
    settings = load(UiSettings)
    logs.configure(settings, "ui")
    app = create_app(settings)
    uvloop.run(web_server.serve(app, _server(app, settings), probes=endpoint_of(settings, "ui_http_port")))
