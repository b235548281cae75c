"""Vendors' keys, kept out of everything that prints a URL.

Both vendors want their key in the URL, and URLs are everywhere: httpx logs each request at INFO, its exceptions carry the request, and
so do traces. So no request knows its key: URLs hold a placeholder, and the transport puts the key in when the bytes leave.
"""

from __future__ import annotations

from urllib.parse import quote

import httpx

PLACEHOLDER = "vendor-key"
"""What stands in a URL where the key goes."""


class KeyedTransport(httpx.AsyncBaseTransport):
    """A transport that replaces the placeholder in path and query by a key, on the way out only."""

    def __init__(self, key: str, inner: httpx.AsyncBaseTransport) -> None:
        self._key = quote(key, safe="").encode()
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a copy of the request that has the key; errors are the inner transport's, which know no URL."""
        target = request.url.raw_path.replace(PLACEHOLDER.encode(), self._key)
        keyed = httpx.Request(
            request.method,
            request.url.copy_with(raw_path=target),
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        return await self._inner.handle_async_request(keyed)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._inner.aclose()


def without_key(text: str, key: str) -> str:
    """A vendor's text that may repeat the key, as error messages of both do."""
    for spelling in {key, quote(key, safe="")}:
        text = text.replace(spelling, "[key]")
    return text
