"""Headers in which a reverse proxy reports the browser's address and the address that the browser opened.

Any client can send these headers, so they are used only if the connection comes from a trusted proxy, and
removed in any case. Libraries behind this module, such as Gradio, would trust them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from mesh.ip_addresses import TrustedProxies, parsed

Headers = Iterable[tuple[bytes, bytes]]

_REMOVED = (b"x-forwarded-", b"forwarded", b"x-real-ip", b"x-gradio-server")


class ForwardedHeaders:
    """ASGI middleware that sets the client, scheme and host of a request that a trusted proxy forwarded."""

    def __init__(self, app: ASGIApp, proxies: TrustedProxies) -> None:
        self._app, self._proxies = app, proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on without forwarding headers."""
        if scope["type"] != "lifespan":
            scope = {**scope, **self._resolved(scope)}
        await self._app(scope, receive, send)

    def _resolved(self, scope: Scope) -> dict[str, Any]:
        headers = [(name, value) for name, value in scope["headers"] if not name.startswith(_REMOVED)]
        if scope["client"] is None or scope["client"][0] not in self._proxies:
            return {"headers": headers}
        scheme = _last(scope["headers"], b"x-forwarded-proto")
        return {
            "client": (self._client(scope), 0),
            "scheme": scheme if scheme in ("http", "https") else scope["scheme"],
            "headers": with_host(headers, _last(scope["headers"], b"x-forwarded-host")),
        }

    def _client(self, scope: Scope) -> str:
        """Return the last address in the chain of proxies that isn't a trusted proxy."""
        peer: str = scope["client"][0]
        for address in reversed(list(_values(scope["headers"], b"x-forwarded-for"))):
            if parsed(address) is None:
                break
            peer = address
            if address not in self._proxies:
                break
        return peer


def with_host(headers: Headers, host: str) -> list[tuple[bytes, bytes]]:
    """Return the headers with another Host header, or unchanged if `host` is empty."""
    if not host:
        return list(headers)
    return [(b"host", host.encode("latin-1")), *((key, value) for key, value in headers if key != b"host")]


def _values(headers: Headers, name: bytes) -> Iterator[str]:
    for key, value in headers:
        if key == name:
            yield from (part.strip() for part in value.decode("latin-1").split(","))


def _last(headers: Headers, name: bytes) -> str:
    """Return the last value of a header, which the nearest proxy added; empty if there is none."""
    return next(reversed(list(_values(headers, name))), "")
