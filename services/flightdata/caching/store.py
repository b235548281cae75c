"""Stores for cached bytes, with claims that decide which of several replicas fetches a missing answer."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Protocol

from mesh.clock import Clock

MOST_BYTES = 64 * 1024 * 1024
"""Maximum size of all answers in memory. Above it, the least recently used answers are evicted."""


class CacheStore(Protocol):
    """Stores bytes for a limited time. No method fails: an unreachable store is empty and drops values."""

    async def get(self, name: str) -> bytes | None:
        """Return the stored value, or None."""
        ...

    async def put(self, name: str, value: bytes, lasts: timedelta) -> None:
        """Store a value for the duration `lasts`, replacing an earlier value."""
        ...

    async def claim(self, name: str, holder: str, lasts: timedelta) -> bool:
        """Take or renew a claim for the duration `lasts`. Return whether `holder` now has the claim."""
        ...

    async def release(self, name: str, holder: str) -> None:
        """Release a claim if `holder` has it."""
        ...


class MemoryCacheStore:
    """The cache store of a single process, bounded by size."""

    def __init__(self, clock: Clock, most_bytes: int = MOST_BYTES) -> None:
        self._clock = clock
        self._most_bytes = most_bytes
        self._values: OrderedDict[str, tuple[bytes, datetime]] = OrderedDict()
        self._claims: dict[str, tuple[str, datetime]] = {}
        self.bytes = 0

    async def get(self, name: str) -> bytes | None:
        """See `CacheStore`."""
        value, until = self._values.get(name, (None, self._clock.now()))
        if value is None or until <= self._clock.now():
            self._drop(name)
            return None
        self._values.move_to_end(name)
        return value

    async def put(self, name: str, value: bytes, lasts: timedelta) -> None:
        """See `CacheStore`."""
        self._drop(name)
        self._values[name] = (value, self._clock.now() + lasts)
        self.bytes += len(value)
        while self.bytes > self._most_bytes:
            self._drop(next(iter(self._values)))

    async def claim(self, name: str, holder: str, lasts: timedelta) -> bool:
        """See `CacheStore`."""
        now = self._clock.now()
        self._claims = {claimed: claim for claimed, claim in self._claims.items() if claim[1] > now}
        if self._claims.get(name, (holder, now))[0] != holder:
            return False
        self._claims[name] = (holder, now + lasts)
        return True

    async def release(self, name: str, holder: str) -> None:
        """See `CacheStore`."""
        if self._claims.get(name, ("", None))[0] == holder:
            del self._claims[name]

    def _drop(self, name: str) -> None:
        value, _ = self._values.pop(name, (b"", None))
        self.bytes -= len(value)
