"""Slots and turns: what one caller does at the same time, and how much of the time it takes.

A caller does one step of expensive work at a time, for a share of the time. So a flood by one caller delays
its own work, and hardly that of others. Work mostly waits, because a refused caller asks again at once.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from mesh.errors import RETRY_AFTER, Overloaded

MOST_WAITING = 16
"""Default limit of the pieces of work of one caller that run or wait."""
LONGEST_STEP_SECONDS = 1.0
"""Time that a step counts at most. A longer one mostly waits for others and costs little."""


class CallerSlots:
    """Limit of what one caller does at the same time. `what` names it, in the plural."""

    def __init__(self, most: int, what: str) -> None:
        self._most, self._what = most, what
        self._held: Counter[str] = Counter()

    @contextmanager
    def hold(self, caller: str) -> Iterator[None]:
        """Hold a slot until the block ends.

        Raises:
            Overloaded: the caller holds all slots.
        """
        if self._held[caller] >= self._most:
            raise Overloaded(
                f"You have too many {self._what} at once; wait for one to end.",
                metadata={"scope": "caller"},
                retry_after=RETRY_AFTER,
            )
        self._held[caller] += 1
        try:
            yield
        finally:
            self._held[caller] -= 1
            if not self._held[caller]:
                del self._held[caller]


@dataclass(eq=False, slots=True)
class _Caller:
    """The number of a caller's steps that run, rest or wait, their turn, and the caller's allowance."""

    steps: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    rested_at: float = 0.0
    """Time in monotonic seconds at which the allowance is whole again."""


class CallerTurns:
    """Gives turns to callers.

    Args:
        total: steps of all callers together that run at the same time.
        waiting: pieces of work of one caller that run or wait.
        share: part of the time that the steps of one caller take in the long run.
        allowance: seconds of work that a caller who has rested may do without a pause.
    """

    def __init__(
        self, total: int, *, waiting: int = MOST_WAITING, share: float = 0.5, allowance: float = 0.0
    ) -> None:
        self._total, self._slots = asyncio.Semaphore(total), CallerSlots(waiting, "requests")
        self._share, self._credit = share, allowance / share
        self._callers: dict[str, _Caller] = {}

    def work(self, caller: str) -> AbstractContextManager[None]:
        """Admit a piece of work that takes one or more steps, until the block ends.

        Raises:
            Overloaded: too much work of this caller runs or waits.
        """
        return self._slots.hold(caller)

    @asynccontextmanager
    async def step(self, caller: str) -> AsyncIterator[None]:
        """Wait for the caller's turn. It lasts until the block ends, and for a pause after it."""
        known = self._callers.setdefault(caller, _Caller())
        known.steps += 1
        try:
            await known.turn.acquire()
        except asyncio.CancelledError:
            self._leave(caller, known)
            raise
        began = time.monotonic()
        try:
            async with self._total:
                began = time.monotonic()
                yield
        finally:
            now = time.monotonic()
            took = min(now - began, LONGEST_STEP_SECONDS)
            known.rested_at = max(known.rested_at, now - took) + took / self._share
            pause = max(0.0, known.rested_at - self._credit - now)
            asyncio.get_running_loop().call_later(pause, self._end_turn, caller, known)

    @asynccontextmanager
    async def turn(self, caller: str) -> AsyncIterator[None]:
        """Do a piece of work that takes one step.

        Raises:
            Overloaded: too much work of this caller runs or waits.
        """
        with self.work(caller):
            async with self.step(caller):
                yield

    def _end_turn(self, caller: str, known: _Caller) -> None:
        known.turn.release()
        self._leave(caller, known)

    def _leave(self, caller: str, known: _Caller) -> None:
        known.steps -= 1
        self._forget(caller, known)

    def _forget(self, caller: str, known: _Caller) -> None:
        """Forget a caller without steps, as soon as the allowance is whole again."""
        if known.steps or self._callers.get(caller) is not known:
            return
        if (rest := known.rested_at - time.monotonic()) > 0:
            asyncio.get_running_loop().call_later(rest, self._forget, caller, known)
        else:
            del self._callers[caller]
