"""Ports that servers listen on."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

from mesh.settings import ConfigurationError, MeshSettings, variable_of

_BACKLOG = 128


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Address that a server listens on."""

    bind: str = "127.0.0.1"
    port: int = 0
    """0 means any free port."""
    variable: str = "the port"
    """Setting that changes the port, for error texts."""


def endpoint_of(settings: MeshSettings, port: str) -> Endpoint:
    """Return the endpoint for a port setting; `port` is the setting's field name."""
    return Endpoint(settings.bind, getattr(settings, port), variable_of(type(settings), port))


def bind_socket(bind: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
    """Return a bound socket.

    As in gRPC, `::` accepts IPv4 too, whatever the system's default is (RFC 3493 §5.3).

    Raises:
        OSError: the port is taken, or the address doesn't belong to this machine.
    """
    bound = socket.socket(socket.AF_INET6 if ":" in bind else socket.AF_INET, kind)
    try:
        if kind == socket.SOCK_STREAM:
            # Otherwise the port would seem taken for a minute after its last server ended.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if bind == "::":
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        bound.bind((bind, port))
    except OSError:
        bound.close()
        raise
    return bound


def listen(endpoint: Endpoint) -> socket.socket:
    """Return a listening socket.

    Raises:
        ConfigurationError: the endpoint is unusable; the text names the setting to change.
    """
    try:
        listener = bind_socket(endpoint.bind, endpoint.port)
        listener.listen(_BACKLOG)
    except OSError as error:
        raise ConfigurationError(_problem(endpoint, error)) from None
    return listener


def address_problem(bind: str, error: OSError) -> str | None:
    """Return the reason if no port of an address can be used; None if the error concerns one port."""
    if error.errno in (errno.EADDRINUSE, errno.EACCES):
        return None
    return f"Nothing can listen on {bind}: {error.strerror}; set READBACK_BIND to an address of this machine."


def _problem(endpoint: Endpoint, error: OSError) -> str:
    where = f"Port {endpoint.port} on {endpoint.bind}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use; stop what uses it or set {endpoint.variable} to another."
    return (
        address_problem(endpoint.bind, error)
        or f"{where} can't be listened on: {error.strerror}; set {endpoint.variable} to another."
    )
