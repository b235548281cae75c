"""Security headers of all responses, such as the Content-Security-Policy."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gradio_ui.page_address import PageAddress

_ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "permissions-policy": "microphone=(self), camera=(), geolocation=(), display-capture=()",
}


def livekit_origins(url: str) -> tuple[str, str]:
    """Return the origins of a LiveKit server: WebSocket, and HTTP for diagnosis of failures."""
    parts = urlsplit(url)
    secure = "s" if parts.scheme in ("wss", "https") else ""
    return f"ws{secure}://{parts.netloc}", f"http{secure}://{parts.netloc}"


def content_security_policy(path: str, livekit_url: str) -> str:
    """Return the Content-Security-Policy of a path. It allows only this server and LiveKit.

    At `/` it also allows inline scripts and `eval`, because Gradio builds its components with them.
    """
    unsafe = " 'unsafe-inline' 'unsafe-eval'" if path == "/" else ""
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self'{unsafe}",
            "style-src 'self' 'unsafe-inline'" if unsafe else "style-src 'self'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            f"connect-src 'self' {' '.join(livekit_origins(livekit_url))}",
            "media-src 'self' blob: mediastream:",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def cache_control(path: str) -> str:
    """Return the Cache-Control header of a path.

    Browsers must not store HTML and data, and must revalidate this app's files. They may keep Gradio's
    assets, whose names contain a hash of their contents.
    """
    if path.startswith("/assets/"):
        return "private, max-age=31536000, immutable"
    return "no-cache" if path.startswith(("/ui/", "/static/", "/theme.css")) else "no-store"


class SecurityHeaders:
    """ASGI middleware that adds security headers to all responses."""

    def __init__(self, app: ASGIApp, livekit_for: Callable[[PageAddress], str]) -> None:
        self._app = app
        self._livekit_for = livekit_for

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add headers to the response."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    headers[name] = value
                address: PageAddress = scope["state"]["address"]
                if address.is_trustworthy:  # otherwise browsers ignore it and log an error
                    headers["cross-origin-opener-policy"] = "same-origin"
                policy = content_security_policy(scope["path"], self._livekit_for(address))
                headers["content-security-policy"] = policy
                headers.setdefault("cache-control", cache_control(scope["path"]))
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)
