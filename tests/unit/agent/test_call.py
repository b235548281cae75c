"""A call: work beside it has no say in how it ends."""

import asyncio

import pytest

from agent.call import _running

pytestmark = pytest.mark.unit


async def test_work_that_breaks_does_not_replace_the_ending() -> None:
    began = asyncio.Event()

    async def work() -> None:
        began.set()
        raise KeyError("broke")

    async with _running(work()):
        await began.wait()


async def test_work_is_over_when_the_call_is() -> None:
    left = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    async with _running(work()):
        await asyncio.sleep(0)
    assert left.is_set()
