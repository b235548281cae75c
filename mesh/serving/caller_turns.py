"""Turns: each caller does one piece of expensive work at a time, for at most half of the time.

So a flood by one caller delays its own work, and hardly that of others.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from mesh.errors import Overloaded

MOST_WAITING = 16
"""Maximum number of pieces of work of one caller that run or wait."""
LONGEST_PAUSE_SECONDS = 1.0
"""Maximum pause after a turn. Longer work mostly waits for others and costs little."""


@dataclass(eq=False, slots=True)
class _Caller:
    """The number of a caller's pieces of work, and the turn of the one that runs."""

    count: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class CallerTurns:
    """Gives turns to callers; at most `total` at the same time."""

    def __init__(self, total: int) -> None:
        self._total = asyncio.Semaphore(total)
        self._callers: dict[str, _Caller] = {}

    @asynccontextmanager
    async def turn(self, caller: str) -> AsyncIterator[None]:
        """Wait for the caller's turn. It lasts until the block ends, and for a pause of the same length.

        Raises:
            Overloaded: too much work of this caller runs or waits.
        """
        work = self._callers.setdefault(caller, _Caller())
        if work.count >= MOST_WAITING:
            text = "You ask for too much at once; wait for an answer, then try again."
            raise Overloaded(text, metadata={"scope": "caller"}, retry_after=timedelta(seconds=1))
        work.count += 1
        try:
            await work.turn.acquire()
        except asyncio.CancelledError:
            self._leave(caller, work)
            raise
        began = time.monotonic()
        try:
            async with self._total:
                began = time.monotonic()
                yield
        finally:
            pause = min(time.monotonic() - began, LONGEST_PAUSE_SECONDS)
            asyncio.get_running_loop().call_later(pause, self._end_turn, caller, work)

    def _end_turn(self, caller: str, work: _Caller) -> None:
        work.turn.release()
        self._leave(caller, work)

    def _leave(self, caller: str, work: _Caller) -> None:
        work.count -= 1
        if not work.count:
            del self._callers[caller]
