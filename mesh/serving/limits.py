"""Admission: how much may go on at once, from one caller and in total. Too much is refused early and cheaply.

Three gates, the cheapest first:

    pending     calls that gRPC's core holds because the event loop has not come round to them: refused by the core itself, in
                microseconds, so that overload costs those it lets in next to nothing. A caller's channel makes RESOURCE_EXHAUSTED of it
    in total    calls that are being handled: refused before the request is parsed or the caller known
    per caller  refused once the caller is known
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mesh.errors import RETRY_AFTER, Overloaded, overloaded


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """How many calls may be running, and waiting to run."""

    unary: int = 256
    """Calls with one answer, of all callers together."""
    unary_per_caller: int = 64
    """Calls with one answer, of one caller."""
    streams: int = 6000
    """Streams, of all callers together."""
    streams_per_caller: int = 256
    """Streams, of one caller; members of the mesh hold one a live call and count only in total."""
    pending: int = 256
    """Calls that wait for the event loop: above it they begin to be refused, at twice as many all of them are. Who is let in under overload
    waits as long as these take, a quarter of a second or so; fewer would refuse the watchers of a replica that died as they come over."""

    def options(self) -> Sequence[tuple[str, int]]:
        """Channel arguments of a server."""
        return (
            ("grpc.server.max_pending_requests", self.pending),
            ("grpc.server.max_pending_requests_hard_limit", 2 * self.pending),
        )


class Limiter:
    """Counts running calls."""

    def __init__(self, settings: LimitSettings) -> None:
        self._most = {False: settings.unary, True: settings.streams}
        self._most_per_caller = {False: settings.unary_per_caller, True: settings.streams_per_caller}
        self._running = {False: 0, True: 0}
        self._by_caller: Counter[tuple[str, bool]] = Counter()

    @property
    def running(self) -> int:
        """Calls being handled."""
        return sum(self._running.values())

    def is_full(self, *, streaming: bool) -> bool:
        """Whether another call would be too much for the process."""
        return self._running[streaming] >= self._most[streaming]

    def enter(self, *, streaming: bool) -> None:
        """Counts a call in; `leave` counts it out.

        Raises:
            Overloaded: it is too much for the process, and is not counted.
        """
        if self.is_full(streaming=streaming):
            raise overloaded()
        self._running[streaming] += 1

    def leave(self, *, streaming: bool) -> None:
        """Counts a call out."""
        self._running[streaming] -= 1

    def enter_caller(self, caller: str, *, streaming: bool) -> None:
        """Counts a call in against its caller; `leave_caller` counts it out.

        Raises:
            Overloaded: it is too much from one caller, and is not counted.
        """
        if self._by_caller[caller, streaming] >= self._most_per_caller[streaming]:
            raise Overloaded(
                "You have too many calls running at once.",
                metadata={"scope": "caller"},
                retry_after=RETRY_AFTER,
            )
        self._by_caller[caller, streaming] += 1

    def leave_caller(self, caller: str, *, streaming: bool) -> None:
        """Counts a call out."""
        self._by_caller[caller, streaming] -= 1
        if not self._by_caller[caller, streaming]:
            del self._by_caller[caller, streaming]
