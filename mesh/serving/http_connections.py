"""HTTP connections with limits: their number, and the time in which a request's head must arrive."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from mesh.ip_addresses import TrustedProxies, source_of


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Limits of an HTTP server."""

    connections: int = 800
    """Open connections of all clients together. Most systems allow a process 1024 open files."""
    connections_per_source: int = 200
    """Open connections of one IPv4 address or IPv6 /64 network. Not applied to trusted proxies."""
    head_seconds: float = 10.0
    """Time in which the request line and the headers must arrive."""
    body_seconds: float = 20.0
    """Time in which the body must arrive."""
    body_bytes: int = 64 * 1024
    """Size limit of a body."""
    trusted_proxies: TrustedProxies = field(default_factory=TrustedProxies)
    """Reverse proxies whose forwarding headers are used."""


class OpenConnections:
    """The number of open connections, in total and by source."""

    def __init__(self, limits: HttpLimits) -> None:
        self._limits = limits
        self._by_source: Counter[str] = Counter()
        self._total = 0

    def enter(self, address: str) -> str | None:
        """Count a connection and return its source, for `leave`; return None if a limit is reached."""
        source, limits = source_of(address), self._limits
        many = self._by_source[source] >= limits.connections_per_source
        if self._total >= limits.connections or (many and address not in limits.trusted_proxies):
            return None
        self._total += 1
        self._by_source[source] += 1
        return source

    def leave(self, source: str) -> None:
        """Count a connection as closed."""
        self._total -= 1
        self._by_source[source] -= 1
        if not self._by_source[source]:
            del self._by_source[source]


def connection_class(limits: HttpLimits) -> type[H11Protocol]:
    """Return the protocol class of one server's connections, for `uvicorn.Config(http=…)`."""
    attributes = {"limits": limits, "opened": OpenConnections(limits)}
    return type("ServerConnection", (LimitedConnection,), attributes)


class LimitedConnection(H11Protocol):
    """A connection that is closed if it exceeds a limit."""

    limits: ClassVar[HttpLimits]
    opened: ClassVar[OpenConnections]
    _source: str | None = None
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Count the connection, and wait for its first request."""
        super().connection_made(transport)
        self._source = self.opened.enter(self.client[0] if self.client else "")
        if self._source is None:
            transport.abort()
        else:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the connection as closed."""
        self._stop_waiting()
        if self._source is not None:
            self.opened.leave(self._source)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Handle data. After an incomplete head, the rest of the head must follow in time."""
        if self._source is None:
            return
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._deadline is None:
            self._expect_head()

    def _expect_head(self) -> None:
        close: Any = self.transport.close
        self._deadline = self.loop.call_later(self.limits.head_seconds, close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
