"""Serving the page. Browsers never hang up a live transcript by themselves, so feeds end first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from gradio_ui.settings import UiSettings
from mesh.serving import web_server
from mesh.serving.ports import endpoint_of


@asynccontextmanager
async def running(app: FastAPI, settings: UiSettings) -> AsyncIterator[web_server.RunningWebServer]:
    """Serves an app until the block ends: then feeds end, other requests get `ui_stop_seconds`, channels close.

    Raises:
        ConfigurationError: the port is taken.
    """
    async with web_server.running(app, _web_server(app, settings)) as page:
        yield page


async def serve(app: FastAPI, settings: UiSettings) -> None:
    """Serves an app, and its health and metrics beside it, until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: a port is taken.
    """
    await web_server.serve(app, _web_server(app, settings), probes=endpoint_of(settings, "ui_http_port"))


def _web_server(app: FastAPI, settings: UiSettings) -> web_server.WebServer:
    return web_server.WebServer(
        "ui", endpoint_of(settings, "ui_port"), settings.ui_stop_seconds, app.state.feeds.end_all
    )
