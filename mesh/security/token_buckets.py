"""Rate limits per key, for example per source address: token buckets in memory."""

from __future__ import annotations

from collections import OrderedDict
from datetime import timedelta

from mesh.clock import Clock

MAX_KEYS = 10_000
"""Number of buckets that are stored. Above it, the least recently used one is forgotten, so it is full."""
_ROUNDING = 1e-6


class TokenBuckets:
    """A bucket of `capacity` tokens per key, refilled with `per_hour` tokens an hour.

    Each process counts by itself, so replicas together allow a multiple.
    """

    def __init__(self, *, capacity: int, per_hour: float, clock: Clock) -> None:
        self._capacity, self._per_second, self._clock = capacity, per_hour / 3600, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, and when

    def wait(self, key: str) -> timedelta | None:
        """Return the wait until there is a token; None if there is one."""
        missing = 1 - self._tokens(key)
        return timedelta(seconds=missing / self._per_second) if missing > _ROUNDING else None

    def take(self, key: str) -> timedelta | None:
        """Take a token. Return None, or the wait until there is one if the bucket is empty."""
        wait = self.wait(key)
        if wait is None:
            self._put(key, self._tokens(key) - 1)
        return wait

    def give_back(self, key: str) -> None:
        """Return a token that was taken for a request that doesn't count."""
        self._put(key, min(self._capacity, self._tokens(key) + 1))

    def _tokens(self, key: str) -> float:
        tokens, at = self._buckets.get(key, (float(self._capacity), 0.0))
        return min(self._capacity, tokens + (self._clock.monotonic() - at) * self._per_second)

    def _put(self, key: str, tokens: float) -> None:
        self._buckets[key] = (tokens, self._clock.monotonic())
        self._buckets.move_to_end(key)
        if len(self._buckets) > MAX_KEYS:
            self._buckets.popitem(last=False)
