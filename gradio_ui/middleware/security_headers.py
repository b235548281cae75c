"""Security headers of every answer, the Content-Security-Policy above all."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "microphone=(self), camera=(), geolocation=(), display-capture=()",
}


def content_security_policy(path: str, livekit_origins: Sequence[str]) -> str:
    """What a page may load and reach: this server and LiveKit, nothing else.

    Gradio builds its components with `new Function` and inline scripts, so its page alone may do that; the sign-in page may not.
    """
    loose = " 'unsafe-inline' 'unsafe-eval'" if path == "/" else ""
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self'{loose}",
            "style-src 'self' 'unsafe-inline'" if loose else "style-src 'self'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            f"connect-src 'self' {' '.join(livekit_origins)}",
            "media-src 'self' blob: mediastream:",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def cache_control(path: str) -> str:
    """Pages and data are never kept; own files are asked for again each time; Gradio's bear a hash in their name and never change."""
    if path.startswith("/assets/"):
        return "private, max-age=31536000, immutable"
    return "no-cache" if path.startswith(("/ui/", "/static/", "/theme.css")) else "no-store"


class SecurityHeaders:
    """ASGI middleware that adds the headers."""

    def __init__(self, app: ASGIApp, livekit_origins: Sequence[str]) -> None:
        self._app = app
        self._livekit_origins = livekit_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    headers[name] = value
                headers["content-security-policy"] = content_security_policy(
                    scope["path"], self._livekit_origins
                )
                headers.setdefault("cache-control", cache_control(scope["path"]))
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)
