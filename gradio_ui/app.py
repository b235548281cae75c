"""The web app put together: routes, page and gate."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware

from gradio_ui import layout
from gradio_ui.api import calls, conversations, event_stream, transcripts
from gradio_ui.api.error_responses import answer_failures
from gradio_ui.api.event_stream import Feeds
from gradio_ui.api.services import opened
from gradio_ui.middleware.access_control import Gate
from gradio_ui.middleware.security_headers import SecurityHeaders
from gradio_ui.serving import serve
from gradio_ui.settings import UiSettings
from gradio_ui.sign_in import routes as sign_in
from mesh import logs
from mesh.settings import load

LIVEKIT_CLIENT = Path(__file__).parent / "livekit_client"
"""LiveKit's browser client, unchanged (see its README)."""


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
    app.mount("/ui", _files(layout.STATIC))
    for routes in (sign_in, calls, event_stream, conversations, transcripts):
        app.include_router(routes.router)
    layout.mount(app, layout.build())
    app.add_middleware(Gate)
    app.add_middleware(SecurityHeaders, livekit_origins=settings.livekit_origins)
    return app


def _files(folder: Path) -> GZipMiddleware:
    return GZipMiddleware(StaticFiles(directory=folder), minimum_size=1024)


def main() -> None:
    """Serves the page until SIGTERM.

    Raises:
        ConfigurationError: a setting is wrong or a port taken.
    """
    settings = load(UiSettings)
    logs.configure(settings, "ui")
    uvloop.run(serve(create_app(settings), settings))
