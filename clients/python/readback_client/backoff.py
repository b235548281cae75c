"""Pauses between the attempts of a client that reconnects."""

from __future__ import annotations

import random
from datetime import timedelta

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
