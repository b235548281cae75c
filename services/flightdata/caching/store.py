"""Where answers lie until they are old, and who of several that miss one fetches it."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Protocol

from mesh.clock import Clock

MOST_BYTES = 64 * 1024 * 1024
"""Of all answers in memory; beyond it those that were not asked for the longest go."""


class Shelf(Protocol):
    """Keeps bytes for a time. It never fails: a shelf that can't be reached is empty, and takes nothing."""

    async def get(self, name: str) -> bytes | None:
        """What lies there; None when nothing does."""
        ...

    async def put(self, name: str, value: bytes, lasts: timedelta) -> None:
        """Lays something there, in the place of what lay there."""
        ...

    async def claim(self, name: str, holder: str, lasts: timedelta) -> bool:
        """Whether a claim is the holder's from now on, or goes on being so; a claim that isn't renewed lapses."""
        ...

    async def release(self, name: str, holder: str) -> None:
        """Gives a claim up; somebody else's stays."""
        ...


class MemoryShelf:
    """The shelf of a single process, of at most so many bytes."""

    def __init__(self, clock: Clock, most_bytes: int = MOST_BYTES) -> None:
        self._clock = clock
        self._most_bytes = most_bytes
        self._kept: OrderedDict[str, tuple[bytes, datetime]] = OrderedDict()
        self._claims: dict[str, tuple[str, datetime]] = {}
        self.bytes = 0

    async def get(self, name: str) -> bytes | None:
        """See `Shelf`."""
        value, until = self._kept.get(name, (None, self._clock.now()))
        if value is None or until <= self._clock.now():
            self._drop(name)
            return None
        self._kept.move_to_end(name)
        return value

    async def put(self, name: str, value: bytes, lasts: timedelta) -> None:
        """See `Shelf`."""
        self._drop(name)
        self._kept[name] = (value, self._clock.now() + lasts)
        self.bytes += len(value)
        while self.bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))

    async def claim(self, name: str, holder: str, lasts: timedelta) -> bool:
        """See `Shelf`."""
        now = self._clock.now()
        self._claims = {claimed: kept for claimed, kept in self._claims.items() if kept[1] > now}
        if self._claims.get(name, (holder, now))[0] != holder:
            return False
        self._claims[name] = (holder, now + lasts)
        return True

    async def release(self, name: str, holder: str) -> None:
        """See `Shelf`."""
        if self._claims.get(name, ("", None))[0] == holder:
            del self._claims[name]

    def _drop(self, name: str) -> None:
        value, _ = self._kept.pop(name, (b"", None))
        self.bytes -= len(value)
