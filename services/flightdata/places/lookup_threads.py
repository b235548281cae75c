"""Threads for lookups of places, which a long text occupies for half a second.

A caller uses at most one thread, for at most half of the time. So a flood of long texts by one caller hardly
delays the others.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import TypeVar

from mesh.errors import Overloaded

T = TypeVar("T")
THREADS = 2
MOST_WAITING = 16
"""Maximum number of lookups of one caller that run or wait."""


@dataclass(eq=False, slots=True)
class _Caller:
    """The lookups of one caller: their number, and the turn of the one that runs."""

    count: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class LookupThreads(AbstractContextManager["LookupThreads"]):
    """Runs lookups for callers. Leaving the context drops the waiting lookups."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="places")
        self._callers: dict[str, _Caller] = {}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def run(self, caller: str, lookup: Callable[[], T]) -> T:
        """Return the result of `lookup`, run in a thread after the caller's earlier lookups.

        Raises:
            Overloaded: the caller has too many lookups at once.
        """
        line = self._callers.setdefault(caller, _Caller())
        if line.count >= MOST_WAITING:
            text = "You have too many lookups of places at once; wait for one to end."
            raise Overloaded(text, metadata={"scope": "caller"}, retry_after=timedelta(seconds=1))
        line.count += 1
        try:
            await line.turn.acquire()
        except asyncio.CancelledError:
            self._leave(caller, line)
            raise
        loop, began = asyncio.get_running_loop(), time.monotonic()
        future = loop.run_in_executor(self._pool, lookup)

        def done(_: asyncio.Future[T]) -> None:
            # The thread is occupied until now, even if the caller has cancelled.
            loop.call_later(time.monotonic() - began, self._end_turn, caller, line)

        future.add_done_callback(done)
        return await asyncio.shield(future)

    def _end_turn(self, caller: str, line: _Caller) -> None:
        line.turn.release()
        self._leave(caller, line)

    def _leave(self, caller: str, line: _Caller) -> None:
        line.count -= 1
        if not line.count:
            del self._callers[caller]
