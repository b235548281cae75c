"""Retry policy of the clients: the status codes that are retried, and the pauses between attempts."""

from __future__ import annotations

import random
from datetime import timedelta

from grpc import StatusCode

RECORD_FATAL = {
    StatusCode.ABORTED,
    StatusCode.FAILED_PRECONDITION,
    StatusCode.INVALID_ARGUMENT,
    StatusCode.NOT_FOUND,
    StatusCode.PERMISSION_DENIED,
    StatusCode.UNIMPLEMENTED,
}
"""Status codes of `Record` that end the recorder, because a retry would get the same code."""
RECORD_FAILED = {StatusCode.DATA_LOSS, StatusCode.INTERNAL, StatusCode.UNKNOWN}
"""Status codes of `Record` from a running service that failed to process a message."""
LATE_REJECTED = {
    StatusCode.ABORTED,
    StatusCode.ALREADY_EXISTS,
    StatusCode.FAILED_PRECONDITION,
    StatusCode.INVALID_ARGUMENT,
    StatusCode.NOT_FOUND,
}
"""Status codes of a late `Append` that reject the entry. A retry would get the same code."""
LATE_UNAVAILABLE = {
    StatusCode.DEADLINE_EXCEEDED,
    StatusCode.RESOURCE_EXHAUSTED,
    StatusCode.UNAUTHENTICATED,
    StatusCode.UNAVAILABLE,
}
"""Status codes of a late `Append` if the service can store no entry now. Any code in neither set, such as
INTERNAL, means that the service failed to process this entry. A later attempt may succeed, and other entries
may be stored."""
WATCH_RETRIED = {
    StatusCode.UNAVAILABLE,
    StatusCode.RESOURCE_EXHAUSTED,
    StatusCode.DEADLINE_EXCEEDED,
    StatusCode.CANCELLED,
    StatusCode.INTERNAL,
    StatusCode.UNKNOWN,
}
"""Status codes of `Watch` after which the stream is opened again."""

SHORTEST_SECONDS = 0.05
LONGEST_SECONDS = 0.5
"""Longest pause by default. It is short, because an agent loses its call if it doesn't reconnect soon.
The gRPC channel has its own pauses too."""
LONGEST_ASKED_SECONDS = 5.0
"""Longest pause accepted from the service; a longer one is shortened to this."""


class Backoff:
    """Exponential backoff with jitter for one reconnecting client."""

    def __init__(self, longest: float = LONGEST_SECONDS) -> None:
        self._longest = longest
        self._next = SHORTEST_SECONDS

    def reset(self) -> None:
        """Start again from the shortest pause, after a success."""
        self._next = SHORTEST_SECONDS

    def pause(self, asked: timedelta | None = None) -> float:
        """Return the seconds to wait before the next attempt.

        The result is a random value between half a span and the whole span, plus the pause `asked` by the
        service. The span doubles with each attempt, up to `longest`.
        """
        span, self._next = self._next, min(self._longest, self._next * 2)
        wait = span * random.uniform(0.5, 1.0)  # noqa: S311 -- jitter, no secret
        # Even a pause asked by the service gets jitter, so that not all clients reconnect at the same moment.
        return wait if asked is None else min(LONGEST_ASKED_SECONDS, asked.total_seconds()) + wait
