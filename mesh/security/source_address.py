"""Network address from which an RPC was called, for limits per source."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import grpc
from readback.options.v1.options_pb2 import ACCESS_GATEWAY, ACCESS_PAGE

from mesh.ip_addresses import source_of
from mesh.security.authentication import principal_or_none

SOURCE_ADDRESS = "readback-source-address"
"""Metadata in which the web app and the gateway send the address of the client that they serve."""
_REPORTERS = (ACCESS_PAGE, ACCESS_GATEWAY)


def source_address(context: grpc.aio.ServicerContext[Any, Any]) -> str:
    """Return the address of the RPC's caller; empty if the caller has none, for example on a Unix socket.

    For the web app and the gateway it is their client's address, which only their own tokens may report. The
    address of an IPv6 caller is the /64 network.
    """
    principal = principal_or_none()
    if principal is not None and principal.kind in _REPORTERS:
        reported = dict(context.invocation_metadata() or ()).get(SOURCE_ADDRESS, "")
        return source_of(reported if isinstance(reported, str) else "")
    scheme, _, peer = unquote(context.peer()).partition(":")
    return source_of(peer.rpartition(":")[0].strip("[]")) if scheme in ("ipv4", "ipv6") else ""
