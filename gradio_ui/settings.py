"""Settings of the web app."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, field_validator

from gradio_ui.page_address import PageAddress
from mesh.settings import MeshSettings


class UiSettings(MeshSettings):
    """Settings of the web app. It is served on `ui_port`, and its health and metrics on `ui_http_port`."""

    ui_feed_heartbeat_seconds: float = Field(15.0, ge=1, le=60)
    """Seconds without an event in a live transcript, after which a heartbeat is sent."""
    ui_stop_seconds: int = Field(3, ge=1, le=30)
    """Seconds that the server waits for open requests when it stops."""

    ui_connections_per_source: int = Field(200, ge=10, le=800)
    """Open HTTP connections of one IPv4 address or IPv6 /64 network. Further ones are closed at once."""
    public_url: str = ""
    """Address at which browsers open the web app, for example `https://example.com/readback/`, if it is
    behind a reverse proxy. It then works only at this address."""

    livekit_public_url: str = ""
    """Address of the LiveKit server for browsers (`ws://` or `wss://`). It must be the address that the
    conversation service sends to callers. The default is LIVEKIT_URL; browsers on other machines get its
    port on the host name in their address bar, and browsers behind READBACK_PUBLIC_URL get `livekit` below
    it."""

    @field_validator("public_url")
    @classmethod
    def _web_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query):
            raise ValueError("must be like https://example.com or https://example.com/readback/")
        return url

    def livekit_for(self, page: PageAddress, url: str = "") -> str:
        """Return the address of a LiveKit server, by default of the configured one, for a page's browser."""
        return page.livekit_url(
            url or self.livekit_public_url or self.livekit_url, behind_proxy=bool(self.public_url)
        )
