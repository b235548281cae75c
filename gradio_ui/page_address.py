"""The address at which a browser opened the web app, and LiveKit's address for that browser."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from mesh.ip_addresses import is_loopback, reached_through

_HOST = re.compile(r"(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PageAddress:
    """Scheme, host and path of the web app as the browser sees them."""

    scheme: str
    host: str
    """Host name, with the port unless it is the scheme's default."""
    path: str = "/"
    """Path below which the web app is served; ends with a slash."""

    @classmethod
    def configured(cls, public_url: str) -> Self:
        """Return the address in READBACK_PUBLIC_URL."""
        url = urlsplit(public_url)
        return cls(url.scheme, _without_default_port(url.scheme, url.netloc), f"{url.path.rstrip('/')}/")

    @classmethod
    def of(cls, scope: Scope, path: str = "/") -> Self:
        """Return the address of a request.

        Raises:
            ValueError: the Host header is missing or malformed.
        """
        host = Headers(scope=scope).get("host", "")
        if not _HOST.fullmatch(host):
            raise ValueError("malformed host")
        return cls(scope["scheme"], _without_default_port(scope["scheme"], host.lower()), path)

    @property
    def origin(self) -> str:
        """Origin of the web app, as browsers send it (RFC 6454)."""
        return f"{self.scheme}://{self.host}"

    @property
    def is_trustworthy(self) -> bool:
        """True if browsers treat the web app as secure, so that it may use the microphone."""
        return self.scheme == "https" or is_loopback(urlsplit(self.origin).hostname)

    def is_origin(self, origin: str) -> bool:
        """Return whether an `Origin` header names this address.

        A proxy that isn't trusted hides that the browser used https, so only the host counts over http.
        """
        url = urlsplit(origin)
        same_host = _without_default_port(url.scheme, url.netloc) == self.host
        return same_host and (self.scheme == "http" or url.scheme == self.scheme)

    def livekit_url(self, url: str, *, behind_proxy: bool = False) -> str:
        """Return the address at which this browser reaches the LiveKit server at `url`.

        Behind a reverse proxy, LiveKit is at `livekit` below the web app. Otherwise a loopback address is
        replaced by the host with which the browser opened the web app.
        """
        livekit = urlsplit(url)
        below = self.scheme == "https" or (behind_proxy and is_loopback(livekit.hostname))
        if below and livekit.scheme in ("ws", "http"):
            return f"{self.scheme.replace('http', 'ws')}://{self.host}{self.path}livekit"
        return reached_through(url, urlsplit(self.origin).hostname)


def _without_default_port(scheme: str, netloc: str) -> str:
    return netloc.lower().removesuffix({"http": ":80", "https": ":443"}.get(scheme, ""))
