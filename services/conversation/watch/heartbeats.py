"""One timer for all watchers of a process: each stands in the slot of the wheel in which it wants to be woken."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Protocol

from mesh.clock import Clock

SLOT_SECONDS = 0.25
"""How late a heartbeat may be."""


class Sleeper(Protocol):
    """Something that can be woken."""

    def wake(self) -> None:
        """Lets it look around."""
        ...


class HeartbeatWheel:
    """Wakes sleepers when they want; thousands cost one timer and a set entry each."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._slots: defaultdict[int, set[Sleeper]] = defaultdict(set)
        self._turned = self._slot(clock.monotonic())

    def arm(self, sleeper: Sleeper, due: float) -> None:
        """Wakes a sleeper at a time of the monotonic clock, or up to a slot later."""
        self._slots[max(self._slot(due), self._turned + 1)].add(sleeper)

    def disarm(self, sleeper: Sleeper, due: float) -> None:
        """Forgets what `arm` was told, if it has not come to pass."""
        slot = max(self._slot(due), self._turned + 1)
        if slot in self._slots:
            self._slots[slot].discard(sleeper)
            if not self._slots[slot]:
                del self._slots[slot]

    async def run(self) -> None:
        """Turns the wheel for ever."""
        while True:
            await self._clock.sleep(SLOT_SECONDS)
            self.turn()

    def turn(self) -> None:
        """Wakes whose time has come."""
        now = math.floor(self._clock.monotonic() / SLOT_SECONDS)
        for slot in [slot for slot in self._slots if slot <= now]:
            for sleeper in self._slots.pop(slot):
                sleeper.wake()
        self._turned = now

    @staticmethod
    def _slot(due: float) -> int:
        return math.ceil(due / SLOT_SECONDS)
