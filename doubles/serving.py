"""Both doubles on sockets of this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from mesh.serving.web_server import Site, running


@asynccontextmanager
async def served(
    app: ASGIApp, *, name: str = "double", bind: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[str]:
    """Serves an app and yields its URL; any free port when `port` is 0.

    Raises:
        ConfigurationError: the port is taken.
    """
    # A caller that waits for a slow answer isn't waited for.
    async with running(app, Site(name, bind, port, "the port's option", stop_seconds=0)) as site:
        yield site.url
