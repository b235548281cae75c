"""Whether every port is free, asked before anything is started."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable

import psutil

from cli.errors import PortsInUse
from cli.supervisor.parts import Part, Port

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def check(parts: Iterable[Part], bind: str) -> None:
    """Tries every port of every part.

    Raises:
        PortsInUse: with a sentence for each that is taken, or wanted twice.
    """
    taken = []
    wanted: dict[tuple[int, str], str] = {}
    for part in parts:
        for port in part.ports:
            rival = wanted.setdefault((port.number, port.kind), port.variable)
            if rival != port.variable:
                taken.append(f"{rival} and {port.variable} are both {port.number}; give one of them another port.")
            elif not is_free(port, bind):
                taken.append(_sentence(part, port))
    if taken:
        raise PortsInUse("\n".join(taken))


def is_free(port: Port, bind: str) -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family, _KINDS[port.kind]) as probe:
        if port.kind == "tcp":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # else a port would seem taken a minute after its server ended
        try:
            probe.bind((bind, port.number))
        except OSError:
            return False
    return True


def _sentence(part: Part, port: Port) -> str:
    return (
        f"Port {port.number}, which {part.name} needs, is in use{_by_whom(port)}; "
        f"end that program or choose another port with {port.variable}."
    )


def _by_whom(port: Port) -> str:
    """The program that holds the port, where the system tells."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections(port.kind):
            listening = port.kind == "udp" or connection.status == psutil.CONN_LISTEN
            if connection.pid and listening and connection.laddr and connection.laddr.port == port.number:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""
