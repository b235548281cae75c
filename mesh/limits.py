"""Admission: how much may go on at once, from one caller and in total. Too much is refused early and cheaply."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from mesh.auth import current_principal
from mesh.errors import Overloaded, Unauthenticated
from mesh.layers import Call

RETRY_AFTER = timedelta(milliseconds=500)


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """How many calls may be running."""

    unary: int = 512
    """Calls with one answer, of all callers together."""
    unary_per_caller: int = 64
    """Calls with one answer, of one caller."""
    streams: int = 6000
    """Streams, of all callers together."""
    streams_per_caller: int = 256
    """Streams, of one caller; members of the mesh hold one a live call and count only in total."""


class Limiter:
    """Counts running calls. `in_total` goes before authentication, `per_caller` after it."""

    def __init__(self, settings: LimitSettings) -> None:
        self._settings = settings
        self._running: Counter[bool] = Counter()
        self._by_caller: Counter[tuple[str, bool]] = Counter()

    @asynccontextmanager
    async def in_total(self, call: Call) -> AsyncIterator[None]:
        """A layer that refuses what is too much for the process."""
        limit = self._settings.streams if call.streaming else self._settings.unary
        if self._running[call.streaming] >= limit:
            raise Overloaded("Too much is going on just now.", metadata={"scope": "total"}, retry_after=RETRY_AFTER)
        self._running[call.streaming] += 1
        try:
            yield
        finally:
            self._running[call.streaming] -= 1

    @asynccontextmanager
    async def per_caller(self, call: Call) -> AsyncIterator[None]:
        """A layer that refuses what is too much for one caller."""
        caller = _caller(call)
        limit = self._settings.streams_per_caller if call.streaming else self._settings.unary_per_caller
        key = (caller or "", call.streaming)
        if caller is not None and self._by_caller[key] >= limit:
            raise Overloaded("You have too many calls running at once.", metadata={"scope": "caller"}, retry_after=RETRY_AFTER)
        self._by_caller[key] += 1
        try:
            yield
        finally:
            self._by_caller[key] -= 1
            if not self._by_caller[key]:
                del self._by_caller[key]


def _caller(call: Call) -> str | None:
    """Whom to count the call against; None for members of the mesh, which speak for many callers."""
    try:
        principal = current_principal()
    except Unauthenticated:
        return call.context.peer().rpartition(":")[0]
    return principal.customer_id
