"""Network address from which an RPC was called, for limits per source."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import unquote

import grpc
from readback.options.v1.options_pb2 import ACCESS_PAGE

from mesh.security.authentication import principal_or_none

SOURCE_ADDRESS = "readback-source-address"
"""Metadata in which the web app sends the address of the browser that it serves."""
_NETWORK_BITS = 64
"""Length of an IPv6 prefix that one subscriber controls (RFC 6177)."""


def source_address(context: grpc.aio.ServicerContext[Any, Any]) -> str:
    """Return the address of the RPC's caller; empty if the caller has none, for example on a Unix socket.

    For the web app it is the browser's address, which only the web app's own token may report. The address
    of an IPv6 caller is the /64 network.
    """
    principal = principal_or_none()
    if principal is not None and principal.kind == ACCESS_PAGE:
        reported = dict(context.invocation_metadata() or ()).get(SOURCE_ADDRESS, "")
        return canonical(reported if isinstance(reported, str) else "")
    scheme, _, peer = unquote(context.peer()).partition(":")
    return canonical(peer.rpartition(":")[0].strip("[]")) if scheme in ("ipv4", "ipv6") else ""


def canonical(address: str) -> str:
    """Return an IPv4 address, or the /64 network of an IPv6 address; empty if it is neither."""
    parsed = parsed_address(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((int(parsed), _NETWORK_BITS), strict=False))
    return str(parsed or "")


def parsed_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an IP address without its zone; None if the text isn't one. Unmaps IPv4 from IPv6."""
    try:
        parsed = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else parsed
