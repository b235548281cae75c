"""Flow control of a watch: which messages to compress, and when a watcher is too slow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from mesh.clock import Clock

WORTH_COMPRESSING = 1400
"""Smallest message to compress, in bytes. A smaller one fits into one packet without compression."""
SLOW_BYTES_A_SECOND = 2_500_000
"""Speed below which a link is slow: 20 Mbit/s. A core compresses ten times faster, so on a slow link a
compressed message arrives sooner. With a much higher limit, a busy watcher on a fast link would count as
slow."""
TAKE_GZIP = ("grpc-c/", "grpc-java", "grpc-node-js", "grpc-dotnet", "connect-")
"""User agents of gRPC implementations that decompress gzip by default. gRPC's core hides the client's
`grpc-accept-encoding` header from us, and a stream fails if the client doesn't support its compression.
grpc-go isn't listed, because it only supports gzip in programs that import its `encoding/gzip`."""


def takes_gzip(metadata: Iterable[tuple[str, str | bytes]]) -> bool:
    """Return whether a caller with this request metadata accepts messages compressed with gzip."""
    agent = next((value for key, value in metadata if key == "user-agent"), "")
    return isinstance(agent, str) and any(name in agent for name in TAKE_GZIP)


class FlowControl:
    """The speed of the link to one watcher, estimated from the time that messages wait to be sent.

    Messages wait for HTTP/2's flow control window. Before the first measurement the link counts as slow, so
    the first batches for a watcher that is catching up are compressed. When the watcher has caught up, the
    link counts as fast until the next measurement. Otherwise the same few entries could be compressed once
    for each of a hundred watchers.

    Args:
        patience: seconds that a message may wait until the watcher reads it.
        computing: returns the CPU time of this process, in seconds.
    """

    __slots__ = ("_clock", "_computed", "_computing", "_patience", "_sent", "_size", "_slow")

    def __init__(
        self, clock: Clock, patience: float, computing: Callable[[], float] = time.process_time
    ) -> None:
        self._clock, self._patience, self._computing = clock, patience, computing
        self._slow, self._sent, self._computed, self._size = True, 0.0, 0.0, 0

    def send(self, size: int) -> bool:
        """Start the measurement for a message of `size` bytes. Return whether to compress the message."""
        self._sent, self._size = self._clock.monotonic(), size
        if size >= WORTH_COMPRESSING:
            self._computed = self._computing()
        return self._slow and size >= WORTH_COMPRESSING

    def is_too_slow(self) -> bool:
        """End the measurement; call it once the message is taken.

        Return whether the message waited longer than `patience`.
        """
        waited = self._clock.monotonic() - self._sent
        if self._size >= WORTH_COMPRESSING:
            # Don't count this process's own CPU time, for instance for compression, as time of the link.
            # Otherwise a busy process would see slow links, compress more, and become even busier.
            self._slow = (waited - (self._computing() - self._computed)) * SLOW_BYTES_A_SECOND > self._size
        return waited > self._patience

    def caught_up(self) -> None:
        """Count the link as fast, because the next messages are small and shared by many watchers."""
        self._slow = False
