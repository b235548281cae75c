"""Merged streams: limited concurrency, events as they come, no tasks left after an error or an early end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from services.flightdata.streams import merged

pytestmark = pytest.mark.unit


class Vendors:
    """Streams that each wait at a gate after their first event; starts and ends are recorded."""

    def __init__(self, count: int) -> None:
        self.gates = [asyncio.Event() for _ in range(count)]
        self.begun: list[int] = []
        self.ended: list[int] = []
        self.streams = [self._stream(number) for number in range(count)]

    async def _stream(self, number: int) -> AsyncIterator[str]:
        self.begun.append(number)
        try:
            yield "asked"
            await self.gates[number].wait()
            if number == 13:
                raise ValueError("unlucky")
            yield "answered"
        finally:
            self.ended.append(number)


async def test_the_next_stream_starts_when_a_slot_is_free() -> None:
    vendors = Vendors(4)
    received = []
    async with aclosing(merged(vendors.streams, 2)) as events:
        async for event in events:
            received.append(event)
            if received[-2:] == [(0, "asked"), (1, "asked")]:
                assert vendors.begun == [0, 1]
                vendors.gates[1].set()
            elif event == (2, "asked"):
                assert vendors.begun == [0, 1, 2]
                for gate in vendors.gates:
                    gate.set()
    assert received[:3] == [(0, "asked"), (1, "asked"), (1, "answered")]
    assert sorted(received) == [(number, event) for number in range(4) for event in ("answered", "asked")]
    assert vendors.begun == [0, 1, 2, 3]


async def test_the_first_error_is_raised_and_cancels_the_other_streams() -> None:
    vendors = Vendors(20)
    for gate in vendors.gates[:14]:
        gate.set()
    with pytest.raises(ValueError, match="unlucky"):
        async for _ in merged(vendors.streams, 3):
            pass
    assert 13 in vendors.ended
    assert sorted(vendors.ended) == sorted(vendors.begun)
    assert 19 not in vendors.begun


async def test_closing_early_leaves_no_task_running() -> None:
    vendors = Vendors(3)
    async with aclosing(merged(vendors.streams, 2)) as events:
        assert await anext(events) == (0, "asked")
        assert await anext(events) == (1, "asked")
    assert sorted(vendors.ended) == [0, 1]
    assert vendors.begun == [0, 1]


async def test_a_slow_consumer_slows_the_streams() -> None:
    produced = []

    async def chatter(number: int) -> AsyncIterator[int]:
        for event in range(1000):
            produced.append(number)
            yield event

    async with aclosing(merged([chatter(0), chatter(1)], 2)) as events:
        await anext(events)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(produced) < 10


async def test_a_single_stream_is_passed_on() -> None:
    vendors = Vendors(1)
    vendors.gates[0].set()
    assert [event async for event in merged(vendors.streams, 3)] == [(0, "asked"), (0, "answered")]
