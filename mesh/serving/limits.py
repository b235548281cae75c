"""Limits of a server: size and duration of a request, connections, and RPCs that run at the same time.

An RPC above a limit is refused early and cheaply. Concurrency has these limits, the cheapest first:

    connections  open connections. gRPC's core closes further ones
    pending      RPCs that wait for the event loop. gRPC's core refuses further RPCs in microseconds, so
                 overload hardly delays accepted RPCs. The caller gets RESOURCE_EXHAUSTED from its channel
    in total     running RPCs. Further RPCs are refused before authentication and parsing
    of strangers running RPCs without a token, so that strangers can't use up the total
    per caller   running RPCs of one caller: a customer, or without a token a network address
"""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mesh.errors import RETRY_AFTER, Overloaded, overloaded

MAX_METADATA_BYTES = 16 * 1024
"""Size limit of a request's metadata, which includes the access token."""
STRANGERS = "strangers"
"""All callers without a token, counted together as one caller with limits of its own."""
_OPEN_FILES = 65_536


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """Limits of running and of waiting RPCs."""

    unary: int = 256
    """Running unary RPCs of all callers together."""
    unary_per_caller: int = 64
    """Running unary RPCs of one caller."""
    unary_of_strangers: int = 128
    """Running unary RPCs of all callers without a token together."""
    streams: int = 6000
    """Open streams of all callers together."""
    streams_per_caller: int = 256
    """Open streams of one caller. Not applied to services, which hold one for each live call."""
    streams_of_strangers: int = 512
    """Open streams of all callers without a token together."""
    pending: int = 256
    """RPCs that wait for the event loop. Above this number some RPCs are refused, above twice this number
    all. With 256, an accepted RPC waits up to 0.25 s. A lower limit would refuse watchers that reconnect
    here after another replica died."""
    connections: int = 4096
    """Open connections. A service has a few to each other service, and clients have one each."""
    waiting: int = 512
    """RPCs that wait for their request. A further one ends the oldest."""
    request_seconds: float = 10.0
    """Time in which the request of a unary RPC, or the only request of a stream, must arrive."""
    handshake_seconds: int = 10
    """Time in which a new connection must begin with HTTP/2."""
    idle_seconds: int = 300
    """Time after which a connection without RPCs is closed."""

    def channel_arguments(self, max_request_bytes: int) -> Sequence[tuple[str, int]]:
        """Return the limits that gRPC's core enforces, on a server with this limit of a request."""
        return (
            ("grpc.max_receive_message_length", max_request_bytes),
            # The core would decompress up to that limit. The limit of the method is often smaller.
            ("grpc.per_message_decompression", 0),
            ("grpc.max_metadata_size", MAX_METADATA_BYTES),
            ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
            ("grpc.max_allowed_incoming_connections", self.connections),
            # A caller that opens more streams on its connection waits; so this is no lower than the totals.
            ("grpc.max_concurrent_streams", self.unary + self.streams),
            ("grpc.server_handshake_timeout_ms", self.handshake_seconds * 1000),
            ("grpc.max_connection_idle_ms", self.idle_seconds * 1000),
            ("grpc.server.max_pending_requests", self.pending),
            ("grpc.server.max_pending_requests_hard_limit", 2 * self.pending),
        )


class Limiter:
    """Counts running RPCs."""

    def __init__(self, settings: LimitSettings) -> None:
        self._limit = {False: settings.unary, True: settings.streams}
        self._limit_per_caller = {False: settings.unary_per_caller, True: settings.streams_per_caller}
        self._limit_of_strangers = {False: settings.unary_of_strangers, True: settings.streams_of_strangers}
        self._running = {False: 0, True: 0}
        self._by_caller: Counter[tuple[str, bool]] = Counter()

    @property
    def running(self) -> int:
        """Number of RPCs being handled."""
        return sum(self._running.values())

    def is_full(self, *, streaming: bool) -> bool:
        """Return whether the limit of the process is reached."""
        return self._running[streaming] >= self._limit[streaming]

    def enter(self, *, streaming: bool) -> None:
        """Count an RPC as running; call `leave` when it ends.

        Raises:
            Overloaded: the process is full; the RPC is not counted.
        """
        if self.is_full(streaming=streaming):
            raise overloaded()
        self._running[streaming] += 1

    def leave(self, *, streaming: bool) -> None:
        """Count an RPC as ended."""
        self._running[streaming] -= 1

    def enter_caller(self, caller: str, *, streaming: bool) -> None:
        """Count an RPC as running for a caller or for `STRANGERS`; call `leave_caller` when it ends.

        Raises:
            Overloaded: the caller has too many running RPCs; this one is not counted.
        """
        if caller == STRANGERS:
            if self._by_caller[caller, streaming] >= self._limit_of_strangers[streaming]:
                raise overloaded()
        elif self._by_caller[caller, streaming] >= self._limit_per_caller[streaming]:
            raise Overloaded(
                "You have too many calls running at once; wait for one to end.",
                metadata={"scope": "caller"},
                retry_after=RETRY_AFTER,
            )
        self._by_caller[caller, streaming] += 1

    def leave_caller(self, caller: str, *, streaming: bool) -> None:
        """Count an RPC as ended for its caller."""
        self._by_caller[caller, streaming] -= 1
        if not self._by_caller[caller, streaming]:
            del self._by_caller[caller, streaming]


def allow_open_files() -> None:
    """Raise this process's limit of open files as far as the system allows, so that connections have room."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if most == resource.RLIM_INFINITY else min(_OPEN_FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
