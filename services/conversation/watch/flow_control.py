"""Flow control of a watch: decides which messages to compress, and when a watcher is too slow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from mesh.clock import Clock

WORTH_COMPRESSING = 1400
"""Bytes; smaller messages fit into one packet anyway."""
SLOW_BYTES_A_SECOND = 2_500_000
"""20 Mbit/s. A core compresses ten times that, so below it compression saves the watcher time. A much higher
limit would compress for watchers on a fast link that are only busy reading."""
TAKE_GZIP = ("grpc-c/", "grpc-java", "grpc-node-js", "grpc-dotnet", "connect-")
"""User agents of gRPC implementations that decompress gzip by default. gRPC's core doesn't show us its
`grpc-accept-encoding`, and fails the stream if it was ignored. grpc-go only takes gzip in programs that
import its `encoding/gzip`, so it isn't listed."""


def takes_gzip(metadata: Iterable[tuple[str, str | bytes]]) -> bool:
    """Return whether a caller takes compressed messages, by its metadata."""
    agent = next((value for key, value in metadata if key == "user-agent"), "")
    return isinstance(agent, str) and any(name in agent for name in TAKE_GZIP)


class FlowControl:
    """The link to one watcher, measured by how long messages wait for HTTP/2's flow control window.

    A link counts as slow until a message proves otherwise, so the first batches of a watcher that catches up
    are compressed. When it has caught up, its link counts as fast until a message proves otherwise: the same
    few entries must not be compressed for each of a hundred watchers.

    Args:
        patience: seconds that a message may wait to be read.
        computing: returns the CPU seconds of this process.
    """

    __slots__ = ("_clock", "_computed", "_computing", "_patience", "_sent", "_size", "_slow")

    def __init__(
        self, clock: Clock, patience: float, computing: Callable[[], float] = time.process_time
    ) -> None:
        self._clock, self._patience, self._computing = clock, patience, computing
        self._slow, self._sent, self._computed, self._size = True, 0.0, 0.0, 0

    def send(self, size: int) -> bool:
        """Start the measurement of a message of `size` bytes; return whether to compress it."""
        self._sent, self._size = self._clock.monotonic(), size
        if size >= WORTH_COMPRESSING:
            self._computed = self._computing()
        return self._slow and size >= WORTH_COMPRESSING

    def is_too_slow(self) -> bool:
        """End the measurement, when the message was taken; return whether that took longer than allowed."""
        waited = self._clock.monotonic() - self._sent
        if self._size >= WORTH_COMPRESSING:
            # Time that this process computed, for instance to compress, isn't the link's fault. A busy
            # process would otherwise compress the more, the busier it is.
            self._slow = (waited - (self._computing() - self._computed)) * SLOW_BYTES_A_SECOND > self._size
        return waited > self._patience

    def caught_up(self) -> None:
        """Count the link as fast: messages are small from now on, and the same for many watchers."""
        self._slow = False
