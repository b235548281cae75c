"""HTTP connections with limits: their number, and the time and size of a request's head.

The parser (llhttp) accepts more than HTTP/1.1 allows and has no limits of its own, so this module refuses
requests that a proxy could read in another way, and heads, chunks and queues of any length.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from mesh.ip_addresses import TrustedProxies, source_of

_HOST_HEADERS = {("1.1", 1), ("1.0", 0), ("1.0", 1)}
"""Versions of HTTP, and the numbers of Host headers that they allow (RFC 9112 §3.2)."""
_MAX_WAITING_REQUESTS = 16
"""Requests of one connection that may arrive before the response to the first."""


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Limits of an HTTP server."""

    connections: int = 800
    """Open connections of all clients together. Most systems allow a process 1024 open files."""
    connections_per_source: int = 200
    """Open connections of one IPv4 address or IPv6 /64 network. Not applied to trusted proxies."""
    head_bytes: int = 16 * 1024
    """Size limit of the request line and the headers, of the head of a chunk, and of a trailer."""
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


def connection_class(limits: HttpLimits) -> type[HttpToolsProtocol]:
    """Return the protocol class of one server's connections, for `uvicorn.Config(http=…)`."""
    attributes = {"limits": limits, "opened": OpenConnections(limits)}
    return type("ServerConnection", (LimitedConnection,), attributes)


class LimitedConnection(HttpToolsProtocol):
    """A connection that is closed if it exceeds a limit."""

    limits: ClassVar[HttpLimits]
    opened: ClassVar[OpenConnections]
    _source: str | None = None
    _deadline: asyncio.TimerHandle | None = None
    _expects_head = True
    """True until the head of the next request is complete."""
    _incomplete_bytes = 0
    """Size of the part of a head, chunk or trailer that has arrived."""
    _ends = False
    """True if the connection closes after the responses that are due."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Count the connection, and wait for its first request."""
        super().connection_made(transport)
        self._source = self.opened.enter(self.client[0] if self.client else "")
        if self._source is None:
            transport.abort()
        else:
            self._start_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the connection as closed."""
        self._stop_deadline()
        if self._source is not None:
            self.opened.leave(self._source)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Handle data. After an incomplete head, the rest of the head must follow in time."""
        if self._source is None or self._ends or self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        self._incomplete_bytes += len(data)
        try:
            self._parse(data)
            valid = self._incomplete_bytes <= self.limits.head_bytes
        except httptools.HttpParserError:
            valid = False
        if not valid:
            self.send_400_response("Invalid HTTP request received.")
        if not self._expects_head:
            self._stop_deadline()
        elif self._deadline is None:
            self._start_deadline()

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # A server may ignore `Upgrade` (RFC 9110 §7.8), but the parser would lose the body that follows.
            # So it gets the head again without that header.
            version = self.parser.get_http_version().encode()
            lines = [self.parser.get_method() + b" " + self.url + b" HTTP/" + version]
            lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
            self.parser = httptools.HttpRequestParser(self)
            self._parse(b"\r\n".join([*lines, b"", data[upgrade.args[0] :]]))

    def on_headers_complete(self) -> None:
        """Start the request.

        Raises:
            httptools.HttpParserError: HTTP/1.1 forbids it, or too many requests wait for their turn.
        """
        version, values = self.parser.get_http_version(), _values(self.headers)
        if (
            self.parser.get_method() == b"CONNECT"
            or values[b"transfer-encoding"] not in ([], [b"chunked"])
            or (version, len(values[b"host"])) not in _HOST_HEADERS
            or len(self.pipeline) >= _MAX_WAITING_REQUESTS
        ):
            raise httptools.HttpParserError
        if self.parser.should_upgrade():
            return
        self._expects_head, self._incomplete_bytes = False, 0
        super().on_headers_complete()
        if version == "1.0":
            _end_with_connection(self.cycle)
        self.headers = []  # of the trailer; in the head they would pass as checked

    def on_body(self, body: bytes) -> None:
        """Pass a part of the body on."""
        self._incomplete_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        if not self.parser.should_upgrade():
            self._incomplete_bytes = 0
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, unless its head has arrived already."""
        self._expects_head = not self.pipeline
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what arrived, and close the connection.

        The caller would take the refusal for a response that is due to an earlier request. So then the
        connection closes after that response, without the refusal.
        """
        due = self.cycle is not None and not self.cycle.response_complete
        if due and (self.pipeline or self.cycle.response_started or not self.cycle.more_body):
            self._ends, self.cycle.keep_alive = True, False
        else:
            super().send_400_response(msg)

    def _start_deadline(self) -> None:
        close: Any = self.transport.close
        self._deadline = self.loop.call_later(self.limits.head_seconds, close)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _values(headers: Iterable[tuple[bytes, bytes]]) -> Mapping[bytes, list[bytes]]:
    """Return the values, in lower case, of the headers that decide where a request ends or where it goes."""
    found: dict[bytes, list[bytes]] = {b"host": [], b"transfer-encoding": []}
    for name, value in headers:
        if name in found:
            found[name].append(value.lower())
    return found


def _end_with_connection(cycle: RequestResponseCycle) -> None:
    """End a response of unknown length by closing the connection, because HTTP/1.0 has no chunks."""
    send: Any = cycle.send
    unknown = False

    async def send_unchunked(message: Any) -> None:
        nonlocal unknown
        if message["type"] == "http.response.start":
            unknown = all(name.lower() != b"content-length" for name, _ in message.get("headers", []))
            cycle.chunked_encoding = False if unknown else None
        elif unknown:
            cycle.expected_content_length = len(message.get("body", b""))
        await send(message)

    cycle.send = send_unchunked  # type: ignore[method-assign]  # uvicorn makes the cycle itself
