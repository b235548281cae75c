"""Whether every port is free, asked before anything is started."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterable

import psutil

from cli.errors import PortsInUse
from cli.supervisor.parts import Part, Port
from mesh.serving.ports import address_problem, bind_socket

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def check(parts: Iterable[Part], bind: str) -> None:
    """Tries every port of every part.

    Raises:
        PortsInUse: with a sentence for each that is taken, or wanted twice, or can't be had at all.
    """
    wrong: list[str | None] = []
    wanted: dict[tuple[int, str], str] = {}
    for part in parts:
        for port in part.ports:
            rival = wanted.setdefault((port.number, port.kind), port.variable)
            if rival != port.variable:
                wrong.append(
                    f"{rival} and {port.variable} are both {port.number}; give one of them another port."
                )
            else:
                wrong.append(_why_not(part, port, bind))
    if sentences := dict.fromkeys(filter(None, wrong)):
        raise PortsInUse("\n".join(sentences))


def _why_not(part: Part, port: Port, bind: str) -> str | None:
    """Why the part could not listen there now; None when it could."""
    try:
        bind_socket(bind, port.number, _KINDS[port.kind]).close()
    except OSError as error:
        return address_problem(bind, error) or _sentence(part, port, error)
    return None


def _sentence(part: Part, port: Port, error: OSError) -> str:
    which = f"Port {port.number}, which {part.name} needs,"
    if error.errno != errno.EADDRINUSE:
        return f"{which} can't be listened on: {error.strerror}; choose another port with {port.variable}."
    return f"{which} is in use{_by_whom(port)}; end that program or choose another port with {port.variable}."


def _by_whom(port: Port) -> str:
    """The program that holds the port, where the system tells."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections(port.kind):
            listening = port.kind == "udp" or connection.status == psutil.CONN_LISTEN
            if connection.pid and listening and connection.laddr and connection.laddr.port == port.number:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""
