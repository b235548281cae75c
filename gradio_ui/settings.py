"""Settings of the web app."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field

from mesh.settings import MeshSettings


class UiSettings(MeshSettings):
    """`READBACK_UI_*`. The web app is served on `ui_port`, its health and metrics on `ui_http_port`."""

    ui_feed_heartbeat_seconds: float = Field(15.0, ge=1, le=60)
    """Longest silence of a live transcript; after it a heartbeat shows that the connection works."""
    ui_stop_seconds: int = Field(3, ge=1, le=30)
    """Time that open requests have to finish when the server stops."""

    livekit_public_url: str = ""
    """Address of the LiveKit server for callers (`ws://` or `wss://`), as the conversation service reports
    it; LIVEKIT_URL when empty."""

    @property
    def livekit_origins(self) -> tuple[str, ...]:
        """Origins of LiveKit for a Content-Security-Policy: its socket, and HTTP to see why one failed."""
        parts = urlsplit(self.livekit_public_url or self.livekit_url)
        secure = "s" if parts.scheme in ("wss", "https") else ""
        return f"ws{secure}://{parts.netloc}", f"http{secure}://{parts.netloc}"
