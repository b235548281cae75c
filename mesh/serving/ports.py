"""Ports that servers listen on, and what is said when they can't."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

from mesh.settings import ConfigurationError, MeshSettings, variable_of

_AWAITING_ACCEPT = 128


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server listens."""

    bind: str
    port: int
    """Any free one when 0."""
    variable: str
    """The setting that moves the port."""


def endpoint_of(settings: MeshSettings, port: str) -> Endpoint:
    """The endpoint whose port is the setting of this name, as the field is called."""
    return Endpoint(settings.bind, getattr(settings, port), variable_of(type(settings), port))


def bound(bind: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
    """A socket that is bound. `::` takes what comes over IPv4 too, whatever the system's default (RFC 3493 §5.3), as gRPC's servers do.

    Raises:
        OSError: the port is taken, or the address can't be had.
    """
    made = socket.socket(socket.AF_INET6 if ":" in bind else socket.AF_INET, kind)
    try:
        if kind == socket.SOCK_STREAM:
            made.setsockopt(
                socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
            )  # else a port would seem taken a minute after its server ended
        if bind == "::":
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind((bind, port))
    except OSError:
        made.close()
        raise
    return made


def listening(endpoint: Endpoint) -> socket.socket:
    """A socket that listens.

    Raises:
        ConfigurationError: why it can't, and which setting to change.
    """
    try:
        made = bound(endpoint.bind, endpoint.port)
        made.listen(_AWAITING_ACCEPT)
    except OSError as error:
        raise ConfigurationError(_sentence(endpoint, error)) from None
    return made


def wrong_address(bind: str, error: OSError) -> str | None:
    """Why nothing can listen on an address, whatever the port; None when it is about the port."""
    if error.errno in (errno.EADDRINUSE, errno.EACCES):
        return None
    return f"Nothing can listen on {bind}: {error.strerror}; set READBACK_BIND to an address of this machine."


def _sentence(endpoint: Endpoint, error: OSError) -> str:
    where = f"Port {endpoint.port} on {endpoint.bind}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use; stop what uses it or set {endpoint.variable} to another."
    return (
        wrong_address(endpoint.bind, error)
        or f"{where} can't be listened on: {error.strerror}; set {endpoint.variable} to another."
    )
