"""Readiness probe of a part over HTTP. It uses no HTTP client, because those take long to import."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 2.0
INTERVAL_SECONDS = 0.1


async def is_ready(url: str) -> bool:
    """Return whether a GET request for `url` is answered with 200."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await _status(url) == 200
    except (OSError, TimeoutError, ValueError):
        return False


async def _status(url: str) -> int:
    address = urlsplit(url)
    request = f"GET {address.path or '/'} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n"
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(request.encode())
        line = await reader.readline()
        return int(line.split(b" ")[1]) if line.startswith(b"HTTP/") else 0
    finally:
        writer.close()
