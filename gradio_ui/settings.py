"""Settings of the web app."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field

from mesh.settings import MeshSettings


class UiSettings(MeshSettings):
    """Settings of the web app. It is served on `ui_port`, and its health and metrics on `ui_http_port`."""

    ui_feed_heartbeat_seconds: float = Field(15.0, ge=1, le=60)
    """Seconds without an event in a live transcript, after which a heartbeat is sent."""
    ui_stop_seconds: int = Field(3, ge=1, le=30)
    """Seconds that the server waits for open requests when it stops."""

    livekit_public_url: str = ""
    """Address of the LiveKit server for browsers (`ws://` or `wss://`). It must be the address that the
    conversation service sends to callers. The default is LIVEKIT_URL."""

    @property
    def livekit_origins(self) -> tuple[str, ...]:
        """LiveKit's origins for a Content-Security-Policy: WebSocket, and HTTP for diagnosis of failures."""
        parts = urlsplit(self.livekit_public_url or self.livekit_url)
        secure = "s" if parts.scheme in ("wss", "https") else ""
        return f"ws{secure}://{parts.netloc}", f"http{secure}://{parts.netloc}"
