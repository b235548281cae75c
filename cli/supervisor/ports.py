"""Check, before any part is started, that every port is free."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterable

import psutil

from cli.errors import UsageError
from cli.supervisor.parts import Part, Port
from mesh.serving.ports import address_problem, bind_socket

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def check(parts: Iterable[Part], bind: str) -> None:
    """Check that every part can listen on its ports.

    Raises:
        UsageError: a port is in use, assigned twice, or can't be used. The text has a sentence for each
            problem.
    """
    problems: list[str | None] = []
    assigned: dict[tuple[int, str], str] = {}
    for part in parts:
        for port in part.ports:
            other = assigned.setdefault((port.number, port.kind), port.variable)
            if other == port.variable:
                problems.append(_problem(part, port, bind))
            else:
                problems.append(f"{other} and {port.variable} are both {port.number}; change one of them.")
    if sentences := dict.fromkeys(filter(None, problems)):
        raise UsageError("\n".join(sentences))


def _problem(part: Part, port: Port, bind: str) -> str | None:
    """Return why the part can't listen on the port now; None if it can."""
    try:
        bind_socket(bind, port.number, _KINDS[port.kind]).close()
    except OSError as error:
        return address_problem(bind, error) or _sentence(part, port, error)
    return None


def _sentence(part: Part, port: Port, error: OSError) -> str:
    subject = f"Port {port.number}, which {part.name} needs,"
    if error.errno != errno.EADDRINUSE:
        return f"{subject} can't be used: {error.strerror}; choose another port with {port.variable}."
    return (
        f"{subject} is in use{_user_of(port)}; end that program or choose another port with {port.variable}."
    )


def _user_of(port: Port) -> str:
    """Return the program that uses the port, in words; empty if it is unknown."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections(port.kind):
            listening = port.kind == "udp" or connection.status == psutil.CONN_LISTEN
            if connection.pid and listening and connection.laddr and connection.laddr.port == port.number:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""
