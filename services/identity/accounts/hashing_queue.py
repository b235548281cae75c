"""Fair queue for password hashes, which take half a second of a core each.

A few threads hash. Requests that find all of them busy wait for a turn:

    order       a known source is next, unless it took several turns on the account just now. Then the source
                with the fewest recent turns and waiting requests, so a flood delays its own source most.
                Then the account with the fewest turns, then the longest wait
    exclusion   one source has one turn on an account at a time, and leaves one thread to other sources
    limit       when too many wait, the last in this order is refused, which needn't be the newest
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Hashable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from mesh.clock import Clock, SystemClock
from mesh.errors import Overloaded

T = TypeVar("T")
NICENESS = 5
"""Of the threads. When the processors are busy, everything else has about three times as much of them."""
HALF_LIFE_SECONDS = 30.0
"""Time after which a past turn counts half."""
FAVOURED_TURNS = 5
"""Recent turns on an account above which a known source is treated like any other."""
_RIGHT_PASSWORD = 0.05
"""Weight of a turn that found a right password."""
_FORGOTTEN = 0.1


def _yield_to_others() -> None:
    """Lower the priority of this thread. Only Linux has priorities of threads."""
    if sys.platform == "linux":
        os.nice(NICENESS)


@dataclass(frozen=True, slots=True)
class Requester:
    """The sender of a password."""

    source: str
    """Network address."""
    account: str
    """Address of the account, in its form for comparisons."""
    is_known: bool = False
    """True if the source has signed in to the account before."""

    @property
    def pair(self) -> tuple[str, str]:
        """The source and the account."""
        return self.source, self.account

    @property
    def keys(self) -> tuple[Hashable, ...]:
        """The keys under which turns are counted."""
        return self.source, (self.account,), self.pair


class RecentTurns:
    """Number of turns by source or account, where older turns count less."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._halved_at = clock, clock.monotonic()
        self._counts: dict[Hashable, float] = {}

    def add(self, keys: Iterable[Hashable], turns: float) -> None:
        """Add turns to each key, or take them away if negative."""
        for key in keys:
            self._counts[key] = max(0.0, self.of(key) + turns)

    def of(self, key: Hashable) -> float:
        """Return the number of recent turns of a key."""
        halvings = int((self._clock.monotonic() - self._halved_at) / HALF_LIFE_SECONDS)
        if halvings:
            self._halved_at += halvings * HALF_LIFE_SECONDS
            faded = {key: count * 0.5**halvings for key, count in self._counts.items()}
            self._counts = {key: count for key, count in faded.items() if count > _FORGOTTEN}
        return self._counts.get(key, 0.0)


@dataclass(eq=False, slots=True)
class Turn:
    """Permission to hash, one password after the other."""

    pool: ThreadPoolExecutor
    password_was_right: Callable[[], None]
    """Call it if so, because then the turn counts less."""
    running: asyncio.Future[Any] | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread and return its result."""
        future = asyncio.get_running_loop().run_in_executor(self.pool, work)
        self.running = future
        return await asyncio.shield(future)


class HashingQueue:
    """Threads that hash passwords, and the queue for them."""

    def __init__(self, *, threads: int, waiting: int = 32, clock: Clock | None = None) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="bcrypt", initializer=_yield_to_others)
        self._threads, self._max_waiting = threads, waiting
        self._recent = RecentTurns(clock or SystemClock())
        self._running: list[Requester] = []
        self._waiting: dict[asyncio.Future[None], Requester] = {}  # the longest wait first

    @asynccontextmanager
    async def turn(self, requester: Requester) -> AsyncIterator[Turn]:
        """Wait for a turn, and hold it until the block and its hash end.

        Raises:
            Overloaded: too many requests wait, and this one is the last in order.
        """
        await self._admission(requester)
        turn = Turn(self._pool, lambda: self._recent.add(requester.keys, _RIGHT_PASSWORD - 1))
        try:
            yield turn
        finally:
            if turn.running is None or turn.running.done():
                self._leave(requester)
            else:
                # The caller was cancelled, but the hash still occupies a thread.
                turn.running.add_done_callback(lambda _: self._leave(requester))

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _admission(self, requester: Requester) -> None:
        mine = asyncio.get_running_loop().create_future()
        self._waiting[mine] = requester
        self._admit_next()
        if len(self._waiting) > self._max_waiting:
            self._refuse(max(reversed(self._waiting), key=self._rank))  # the newest of equals
        try:
            await mine
        except asyncio.CancelledError:
            if self._waiting.pop(mine, None) is None and not mine.cancelled() and not mine.exception():
                self._leave(requester)  # admitted and cancelled in the same step of the loop
            raise

    def _admit_next(self) -> None:
        while len(self._running) < self._threads:
            eligible = [one for one, who in self._waiting.items() if self._may_run(who)]
            if not eligible:
                return
            best = min(eligible, key=self._rank)  # the longest wait of equals
            requester = self._waiting.pop(best)
            if not best.done():
                self._running.append(requester)
                self._recent.add(requester.keys, 1)
                best.set_result(None)

    def _may_run(self, requester: Requester) -> bool:
        of_source = [one for one in self._running if one.source == requester.source]
        return len(of_source) < max(1, self._threads - 1) and all(
            one.account != requester.account for one in of_source
        )

    def _refuse(self, one: asyncio.Future[None]) -> None:
        del self._waiting[one]
        if not one.done():
            text = "Many people are signing in just now; try again in a moment."
            one.set_exception(Overloaded(text, retry_after=timedelta(seconds=1)))

    def _rank(self, one: asyncio.Future[None]) -> tuple[bool, float, float]:
        who = self._waiting[one]
        is_favoured = who.is_known and self._recent.of(who.pair) < FAVOURED_TURNS
        waiting = sum(other.source == who.source for other in self._waiting.values())
        return not is_favoured, self._recent.of(who.source) + waiting, self._recent.of((who.account,))

    def _leave(self, requester: Requester) -> None:
        self._running.remove(requester)
        self._admit_next()
