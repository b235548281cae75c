"""Pauses between attempts: exponential, with jitter, back to the shortest after a success."""

from __future__ import annotations

import random
from datetime import timedelta

SHORTEST_SECONDS = 0.05
LONGEST_SECONDS = 0.5
"""Short, since a call is replaced when its agent stays away for long; the channel beneath has a pause of its own."""
LONGEST_ASKED_SECONDS = 5.0
"""The service may ask for a longer pause than that, within reason."""


class Backoff:
    """The pauses of one reconnecting client."""

    def __init__(self, longest: float = LONGEST_SECONDS) -> None:
        self._longest = longest
        self._next = SHORTEST_SECONDS

    def reset(self) -> None:
        """The last attempt succeeded."""
        self._next = SHORTEST_SECONDS

    def pause(self, asked: timedelta | None = None) -> float:
        """Seconds to wait before the next: between half and all of a span that doubles, on top of what was `asked` for, within reason."""
        span, self._next = self._next, min(self._longest, self._next * 2)
        wait = span * random.uniform(0.5, 1.0)  # noqa: S311 -- jitter, no secret
        if asked is None:
            return wait
        # Whoever was told to wait as long as all the others must not come back in the same moment as they do.
        return min(LONGEST_ASKED_SECONDS, asked.total_seconds()) + wait
