"""Serving of a double on a local port, and the clock of the doubles."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from starlette.types import ASGIApp

from mesh.serving.ports import Endpoint
from mesh.serving.web_server import WebServer, running


@asynccontextmanager
async def served(
    app: ASGIApp, *, name: str = "double", bind: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[str]:
    """Serve an app and yield its URL; port 0 picks a free port.

    Raises:
        ConfigurationError: the port is taken.
    """
    # Zero seconds of grace: a request that hangs on purpose must not delay the shutdown.
    endpoint = Endpoint(bind, port, "the port's option")
    async with running(app, WebServer(name, endpoint, stop_seconds=0)) as server:
        yield server.url


def utc_now() -> datetime:
    """Return the wall-clock time in UTC."""
    return datetime.now(UTC)
