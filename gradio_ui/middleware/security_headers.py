"""Security headers of every response, above all the Content-Security-Policy."""

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
    """Return a policy that allows only this server and LiveKit.

    Gradio builds its components with `new Function` and inline scripts, so its page may do that; the sign-in
    page may not.
    """
    unsafe = " 'unsafe-inline' 'unsafe-eval'" if path == "/" else ""
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self'{unsafe}",
            "style-src 'self' 'unsafe-inline'" if unsafe else "style-src 'self'",
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
    """Return a policy: HTML and data are not stored, own files are revalidated.

    Gradio's files have a hash in their name and never change.
    """
    if path.startswith("/assets/"):
        return "private, max-age=31536000, immutable"
    return "no-cache" if path.startswith(("/ui/", "/static/", "/theme.css")) else "no-store"


class SecurityHeaders:
    """ASGI middleware that adds the headers."""

    def __init__(self, app: ASGIApp, livekit_origins: Sequence[str]) -> None:
        self._app = app
        self._livekit_origins = livekit_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add headers to the response."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    headers[name] = value
                policy = content_security_policy(scope["path"], self._livekit_origins)
                headers["content-security-policy"] = policy
                headers.setdefault("cache-control", cache_control(scope["path"]))
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)
