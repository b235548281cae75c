"""Heartbeats of watches: the interval of a watch, and one timer for all watchers of a process."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from typing import Protocol

from readback.conversation.v1 import conversation_service_pb2 as pb

from mesh.clock import Clock

MIN_SECONDS = 1.0
"""Shortest heartbeat interval; a shorter request is raised to this value."""
DEFAULT_SECONDS = 5.0
"""Heartbeat interval of a watch whose request doesn't set one."""
MAX_SECONDS = 60.0
"""Longest heartbeat interval; a longer request is lowered to this value."""
SLOT_SECONDS = 0.25
"""Precision of the timer. A heartbeat may be late by up to this time."""


def heartbeat_seconds(request: pb.WatchRequest) -> float:
    """Return the heartbeat interval of a watch: the seconds without an event until a heartbeat is sent."""
    if not request.HasField("heartbeat_interval"):
        return DEFAULT_SECONDS
    return min(MAX_SECONDS, max(MIN_SECONDS, request.heartbeat_interval.ToTimedelta().total_seconds()))


class Sleeper(Protocol):
    """Interface of an object that the timer can wake."""

    def wake(self) -> None:
        """Wake the object; called when its time has come."""
        ...


class HeartbeatWheel:
    """A timer wheel: one timer for thousands of sleepers, with one set entry for each."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._slots: defaultdict[int, set[Sleeper]] = defaultdict(set)
        self._armed = asyncio.Event()
        self._turned = self._slot(clock.monotonic())

    def arm(self, sleeper: Sleeper, due: float) -> None:
        """Wake a sleeper when the monotonic clock reaches `due`, or up to `SLOT_SECONDS` later."""
        self._slots[max(self._slot(due), self._turned + 1)].add(sleeper)
        self._armed.set()

    def disarm(self, sleeper: Sleeper, due: float) -> None:
        """Cancel an earlier `arm` with the same arguments, if the sleeper wasn't woken yet."""
        slot = max(self._slot(due), self._turned + 1)
        if slot in self._slots:
            self._slots[slot].discard(sleeper)
            if not self._slots[slot]:
                del self._slots[slot]

    async def run(self) -> None:
        """Turn the wheel while it has sleepers, until cancelled."""
        while True:
            await self._armed.wait()
            await self._clock.sleep(SLOT_SECONDS)
            self.turn()
            if not self._slots:
                self._armed.clear()

    def turn(self) -> None:
        """Wake the sleepers whose time has come."""
        now = math.floor(self._clock.monotonic() / SLOT_SECONDS)
        for slot in [slot for slot in self._slots if slot <= now]:
            for sleeper in self._slots.pop(slot):
                sleeper.wake()
        self._turned = now

    @staticmethod
    def _slot(due: float) -> int:
        return math.ceil(due / SLOT_SECONDS)
