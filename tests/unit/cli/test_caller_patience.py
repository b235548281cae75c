"""How long a caller waits for an agent."""

import asyncio
import time

import pytest
from livekit import rtc

from cli.caller import Caller, CallFailed

pytestmark = pytest.mark.unit

NO_AGENT = "no agent came"


async def test_a_wait_ends_when_its_time_is_over() -> None:
    with pytest.raises(CallFailed, match=NO_AGENT):
        await Caller(rtc.Room()).greeted(timeout=0.1)


async def test_a_wait_ends_too_when_something_comes_in_at_its_last_moment() -> None:
    room, loop = rtc.Room(), asyncio.get_running_loop()
    waiting = asyncio.create_task(Caller(room).greeted(timeout=0.13))
    loop.call_later(0.12, room.emit, "participant_attributes_changed", {}, None)
    loop.call_later(0.11, time.sleep, 0.04)  # so that news and deadline fall into one turn of the loop
    with pytest.raises(CallFailed, match=NO_AGENT):
        await asyncio.wait_for(waiting, 5)
