"""Holding a call: leaving is never held up by what comes before the talking."""

import asyncio

import pytest

from agent.call.holding import _unless

pytestmark = pytest.mark.unit


async def test_leaving_does_not_wait_for_a_service_that_is_away() -> None:
    leave = asyncio.Event()
    leave.set()
    async with asyncio.timeout(5):
        assert not await _unless(leave, asyncio.Event().wait())


async def test_what_comes_to_its_end_in_time_counts() -> None:
    assert await _unless(asyncio.Event(), asyncio.sleep(0))


async def test_what_breaks_is_said() -> None:
    async def work() -> None:
        raise ConnectionError("refused")

    with pytest.raises(ConnectionError, match="refused"):
        await _unless(asyncio.Event(), work())
