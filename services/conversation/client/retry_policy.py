"""Retry policy of the clients: which answers are retried, and the pause between attempts."""

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
"""Answers to `Record` that end the recorder: a retry would get the same one."""
RECORD_FAILED = {StatusCode.DATA_LOSS, StatusCode.INTERNAL, StatusCode.UNKNOWN}
"""Answers to `Record` that say that the service runs, but failed to process what it was sent."""
LATE_REJECTED = {
    StatusCode.ABORTED,
    StatusCode.ALREADY_EXISTS,
    StatusCode.FAILED_PRECONDITION,
    StatusCode.INVALID_ARGUMENT,
    StatusCode.NOT_FOUND,
}
"""Answers to a late `Append` that are about the entry: a retry would get the same one."""
LATE_UNAVAILABLE = {
    StatusCode.DEADLINE_EXCEEDED,
    StatusCode.RESOURCE_EXHAUSTED,
    StatusCode.UNAUTHENTICATED,
    StatusCode.UNAVAILABLE,
}
"""Answers to a late `Append` that are about the service: it can take no entry now. All other answers,
INTERNAL above all, say that it failed to process this entry: a later attempt may succeed, and so may the next
entry."""
WATCH_RETRIED = {
    StatusCode.UNAVAILABLE,
    StatusCode.RESOURCE_EXHAUSTED,
    StatusCode.DEADLINE_EXCEEDED,
    StatusCode.CANCELLED,
    StatusCode.INTERNAL,
    StatusCode.UNKNOWN,
}
"""Answers to `Watch` after which the stream is opened again."""

SHORTEST_SECONDS = 0.05
LONGEST_SECONDS = 0.5
"""Short, because an agent that stays away for long loses its call; the channel below has its own pauses."""
LONGEST_ASKED_SECONDS = 5.0
"""Longest pause that the service can ask for."""


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

        That is between half and all of a span that doubles each time, plus the pause that the service asked
        for.
        """
        span, self._next = self._next, min(self._longest, self._next * 2)
        wait = span * random.uniform(0.5, 1.0)  # noqa: S311 -- jitter, no secret
        # The jitter is added, so that clients with the same asked pause don't all come back in the same
        # moment.
        return wait if asked is None else min(LONGEST_ASKED_SECONDS, asked.total_seconds()) + wait
