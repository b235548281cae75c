"""IP addresses of callers, and of the reverse proxies that are trusted to report them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

_SUBSCRIBER_BITS = 64
"""Length of an IPv6 prefix that one subscriber controls (RFC 6177)."""


def parsed(text: str) -> IPv4Address | IPv6Address | None:
    """Return an IP address without its zone; None if the text isn't one. IPv4 in IPv6 becomes IPv4."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def source_of(text: str) -> str:
    """Return an IPv4 address, or the /64 network of an IPv6 address; empty if the text is neither."""
    address = parsed(text)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address), _SUBSCRIBER_BITS), strict=False))
    return str(address or "")


def is_loopback(host: str | None) -> bool:
    """Return whether a host name or address means the machine itself."""
    address = parsed(host or "")
    return host == "localhost" or (address is not None and address.is_loopback)


def reached_through(url: str, host: str | None) -> str:
    """Return the URL of a server for a caller that reached its machine at `host`.

    A server's loopback address makes sense only on its own machine, so others get `host` in its place.
    """
    parts = urlsplit(url)
    if not host or is_loopback(host) or not is_loopback(parts.hostname):
        return url
    name = f"[{host}]" if ":" in host else host
    return parts._replace(netloc=f"{name}:{parts.port}" if parts.port else name).geturl()


class TrustedProxies:
    """The addresses of trusted reverse proxies: IP addresses and networks, separated by commas.

    Raises:
        ValueError: a part of the text is neither.
    """

    def __init__(self, text: str = "") -> None:
        self._networks = [ip_network(part.strip()) for part in text.split(",") if part.strip()]

    def __contains__(self, text: str) -> bool:
        address = parsed(text) if self._networks else None
        return address is not None and any(address in network for network in self._networks)
