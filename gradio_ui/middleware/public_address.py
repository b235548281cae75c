"""The address of each request as the browser sees it, behind a reverse proxy too."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from gradio_ui.api.error_responses import error_response
from gradio_ui.page_address import PageAddress
from mesh.serving.forwarded_headers import with_host


class PublicAddress:
    """ASGI middleware that sets `scope["state"]["address"]` to the request's `PageAddress`.

    If READBACK_PUBLIC_URL is set, that is the address of every request. A path in it is removed from the
    request's path, for proxies that don't remove it themselves.
    """

    def __init__(self, app: ASGIApp, public_url: str) -> None:
        self._app = app
        self._public = PageAddress.configured(public_url) if public_url else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its address, or refuse it if its Host header is malformed."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if self._public is not None:
            scope = _moved(scope, self._public)
        try:
            address = self._public or PageAddress.of(scope)
        except ValueError:
            refusal = error_response(400, "INVALID_HOST", "The Host header is missing or malformed.")
            return await refusal(scope, receive, send)
        scope.setdefault("state", {})["address"] = address
        return await self._app(scope, receive, send)


def _moved(scope: Scope, address: PageAddress) -> Scope:
    """Return a request as if the browser had sent it to the web app directly."""
    return {
        **scope,
        "scheme": address.scheme,
        "headers": with_host(scope["headers"], address.host),
        "path": _below(scope["path"], address.path),
        "raw_path": _below(scope["raw_path"].decode("latin-1"), address.path).encode("latin-1"),
    }


def _below(path: str, base: str) -> str:
    return f"/{path.removeprefix(base)}" if path.startswith(base) else path
