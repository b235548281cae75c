"""How fast a watcher takes its messages: whether compressing the next one pays, and whether it is too slow to go on with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from mesh.clock import Clock

WORTH_COMPRESSING = 1400
"""Bytes; what is smaller goes into one packet anyway."""
SLOW_BYTES_A_SECOND = 2_500_000
"""20 Mbit/s. A core deflates ten times that, so below it compressing saves the watcher time; much above it, on a machine with more to
do, a watcher that is merely busy reading would have our processor deflate for nothing."""
TAKE_GZIP = ("grpc-c/", "grpc-java", "grpc-node-js", "grpc-dotnet", "connect-")
"""What gRPC's implementations that take gzip without being told call themselves. gRPC's core keeps `grpc-accept-encoding` to itself and
fails the stream when it was not heeded; grpc-go takes gzip only from programs that import its `encoding/gzip`, so it is not asked to."""


def takes_gzip(metadata: Iterable[tuple[str, str | bytes]]) -> bool:
    """Whether a caller, by its metadata, takes compressed messages."""
    agent = next((value for key, value in metadata if key == "user-agent"), "")
    return isinstance(agent, str) and any(name in agent for name in TAKE_GZIP)


class WatcherLink:
    """The way to one watcher, known by how long messages wait for it to make room (HTTP/2 flow control).

    A link counts as slow until a message shows otherwise, so the first batch of whoever catches up is compressed; once it has caught up,
    it counts as fast until then: a hundred watchers of one conversation must not have the same few entries compressed a hundred times.
    """

    __slots__ = ("_clock", "_computed", "_computing", "_handed", "_patience", "_size", "_slow")

    def __init__(
        self, clock: Clock, patience: float, computing: Callable[[], float] = time.process_time
    ) -> None:
        self._clock, self._patience, self._computing = clock, patience, computing
        self._slow, self._handed, self._computed, self._size = True, 0.0, 0.0, 0

    def hand(self, size: int) -> bool:
        """To be called before a message of so many bytes is handed over; whether it should be compressed."""
        self._handed, self._size = self._clock.monotonic(), size
        if size >= WORTH_COMPRESSING:
            self._computed = self._computing()
        return self._slow and size >= WORTH_COMPRESSING

    def is_too_slow(self) -> bool:
        """To be called when the message was taken; whether that took longer than patience allows."""
        waited = self._clock.monotonic() - self._handed
        if self._size >= WORTH_COMPRESSING:
            # What this process computed meanwhile, the deflating first of all, is not the link's fault: a busy one would otherwise deflate
            # the more, the busier it is.
            self._slow = (waited - (self._computing() - self._computed)) * SLOW_BYTES_A_SECOND > self._size
        return waited > self._patience

    def caught_up(self) -> None:
        """From now on messages are small and the same for many."""
        self._slow = False
