"""One timer wakes all watchers of a process, each at its time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.conversation.watch.heartbeats import SLOT_SECONDS, HeartbeatWheel
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Sleeper:
    """Counts how often it was woken."""

    def __init__(self) -> None:
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1


@given(st.lists(st.floats(0, 60), min_size=1, max_size=20))
def test_sleepers_are_never_woken_early_nor_more_than_a_slot_late(dues: list[float]) -> None:
    clock = SimulatedClock(NOON)
    wheel = HeartbeatWheel(clock)
    sleepers = [Sleeper() for _ in dues]
    for sleeper, due in zip(sleepers, dues, strict=True):
        wheel.arm(sleeper, due)
    for _ in range(int(61 / SLOT_SECONDS) + 1):
        clock.advance(SLOT_SECONDS)
        wheel.turn()
        for sleeper, due in zip(sleepers, dues, strict=True):
            if clock.monotonic() < due:
                assert sleeper.woken == 0
            elif clock.monotonic() > due + SLOT_SECONDS:
                assert sleeper.woken == 1


def test_stopped_process_wakes_all_due_sleepers_afterwards() -> None:
    clock = SimulatedClock(NOON)
    wheel, sleepers = HeartbeatWheel(clock), [Sleeper() for _ in range(3)]
    for number, sleeper in enumerate(sleepers):
        wheel.arm(sleeper, number + 1.0)
    clock.advance(3600)
    wheel.turn()
    assert [sleeper.woken for sleeper in sleepers] == [1, 1, 1]


def test_sleeper_that_is_due_already_is_woken_with_the_next_turn() -> None:
    clock = SimulatedClock(NOON)
    clock.advance(10)
    wheel, sleeper = HeartbeatWheel(clock), Sleeper()
    wheel.arm(sleeper, 3.0)
    clock.advance(SLOT_SECONDS)
    wheel.turn()
    assert sleeper.woken == 1


def test_disarmed_sleeper_is_not_woken_and_not_kept() -> None:
    wheel, sleeper = HeartbeatWheel(SimulatedClock(NOON)), Sleeper()
    wheel.arm(sleeper, 1.0)
    wheel.disarm(sleeper, 1.0)
    wheel.disarm(sleeper, 7.0)
    assert not wheel._slots


async def test_wheel_turns_by_itself() -> None:
    clock = SimulatedClock(NOON)
    wheel, sleeper = HeartbeatWheel(clock), Sleeper()
    wheel.arm(sleeper, 5.0)
    turning = asyncio.create_task(wheel.run())
    for _ in range(3):
        await asyncio.sleep(0)
    clock.advance(5)
    for _ in range(3):
        await asyncio.sleep(0)
    assert sleeper.woken == 1
    turning.cancel()
    await asyncio.gather(turning, return_exceptions=True)
