"""Settings of the page, beyond what every member of the mesh has."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field

from mesh.settings import MeshSettings


class UiSettings(MeshSettings):
    """`READBACK_UI_*`; the page's own port is `ui_port`, its health and metrics are on `ui_http_port`."""

    ui_feed_heartbeat_seconds: float = Field(15.0, ge=1, le=60)
    """How long a live transcript may be silent before a heartbeat shows that the line is up."""
    ui_stop_seconds: int = Field(3, ge=1, le=30)
    """How long open requests may take to finish when the page's server stops."""

    livekit_public_url: str = ""
    """Address of the LiveKit server for callers (`ws://` or `wss://`), as the conversation service tells them; LIVEKIT_URL when empty."""

    @property
    def livekit_origins(self) -> tuple[str, ...]:
        """Where browsers reach LiveKit, for a Content-Security-Policy: its socket, and over HTTP to learn why the socket failed."""
        parts = urlsplit(self.livekit_public_url or self.livekit_url)
        secure = "s" if parts.scheme in ("wss", "https") else ""
        return f"ws{secure}://{parts.netloc}", f"http{secure}://{parts.netloc}"
