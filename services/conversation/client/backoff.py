"""Pauses between attempts: exponential, with jitter, back to the shortest after a success."""

from __future__ import annotations

import random

SHORTEST_SECONDS = 0.05
LONGEST_SECONDS = 0.5
"""Short, since a call is replaced when its agent stays away for long; the channel beneath has a pause of its own."""


class Backoff:
    """The pauses of one reconnecting client."""

    def __init__(self) -> None:
        self._next = SHORTEST_SECONDS

    def reset(self) -> None:
        """The last attempt succeeded."""
        self._next = SHORTEST_SECONDS

    def pause(self) -> float:
        """Seconds to wait before the next attempt: between half and all of a span that doubles."""
        span, self._next = self._next, min(LONGEST_SECONDS, self._next * 2)
        return span * random.uniform(0.5, 1.0)  # noqa: S311 -- jitter, no secret
