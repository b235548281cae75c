"""A clock that tests advance."""

from __future__ import annotations

import asyncio
import heapq
from datetime import datetime, timedelta


class SimulatedClock:
    """Implements `mesh.clock.Clock`. Sleepers wake in the order of their times as the clock is advanced."""

    def __init__(self, start: datetime) -> None:
        self._start, self._elapsed = start, 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> datetime:
        """Return the simulated wall-clock time."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Return the seconds since the start."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been advanced far enough."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._elapsed + seconds, self._count, waiting))
        await waiting

    def advance(self, seconds: float) -> None:
        """Advance the clock and wake the sleepers whose time has come."""
        self._elapsed += seconds
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            _, _, waiting = heapq.heappop(self._sleepers)
            if not waiting.done():
                waiting.set_result(None)
