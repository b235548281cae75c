"""Wake-ups inside one process: of the dispatcher, and of those who watch a customer's bookings.

They are hints, which may be lost. So those who wait also read the database periodically.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from mesh.clock import Clock


class Changes:
    """Announces new attempts and changed bookings."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._attempt = asyncio.Event()
        self._watchers: dict[str, set[asyncio.Event]] = defaultdict(set)
        self.draining = False
        """True when the server stops, so that watches end."""

    def new_attempt(self) -> None:
        """Wake the dispatcher."""
        self._attempt.set()

    async def attempt_or_timeout(self, seconds: float) -> None:
        """Wait for a new attempt, at most this long."""
        await self.wait(self._attempt, seconds)

    def bookings_of(self, customer_id: str) -> None:
        """Wake the watchers of a customer's bookings."""
        for event in self._watchers.get(customer_id, ()):
            event.set()

    @contextmanager
    def watching(self, customer_id: str) -> Iterator[asyncio.Event]:
        """Yield an event that is set at every change of a customer's bookings, until the block ends."""
        event = asyncio.Event()
        self._watchers[customer_id].add(event)
        try:
            yield event
        finally:
            self._watchers[customer_id].discard(event)
            if not self._watchers[customer_id]:
                del self._watchers[customer_id]

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        """Wait for an event and clear it, or until this many seconds have passed."""
        waiting = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(self._clock.sleep(seconds))]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        event.clear()

    async def drain(self) -> None:
        """End all watches."""
        self.draining = True
        for events in list(self._watchers.values()):
            for event in events:
                event.set()
