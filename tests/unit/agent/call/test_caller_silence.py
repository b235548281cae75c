"""Silence is measured from the caller's last words or key, and not while the agent is busy."""

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest
from livekit import rtc

from agent.call.caller_silence import TOPIC_TYPING, CallerSilence

pytestmark = pytest.mark.unit

LONG, SHORT = 3600.0, 0.01


@pytest.fixture
def room() -> rtc.EventEmitter[str]:
    return rtc.EventEmitter()


@pytest.fixture
def silence(room: rtc.EventEmitter[str]) -> CallerSilence:
    return CallerSilence(cast("rtc.Room", room), "caller")


def packet(sender: str = "caller", topic: str = TOPIC_TYPING) -> SimpleNamespace:
    return SimpleNamespace(participant=SimpleNamespace(identity=sender), topic=topic)


async def test_silence_lasts_until_the_time_is_over(silence: CallerSilence) -> None:
    assert await asyncio.wait_for(silence.lasts(SHORT), 5)


async def test_words_and_typing_end_it(silence: CallerSilence, room: rtc.EventEmitter[str]) -> None:
    for end in (silence.end, lambda: room.emit("data_received", packet())):
        lasting = asyncio.create_task(silence.lasts(LONG))
        await asyncio.sleep(0)
        end()
        assert not await asyncio.wait_for(lasting, 5)


async def test_typing_of_others_and_other_data_do_not(
    silence: CallerSilence, room: rtc.EventEmitter[str]
) -> None:
    room.emit("data_received", packet(sender="somebody"))
    room.emit("data_received", packet(topic="something"))
    room.emit("data_received", SimpleNamespace(participant=None, topic=TOPIC_TYPING))
    silence.close()
    room.emit("data_received", packet())
    assert silence.activities == 0


async def test_it_is_not_measured_while_the_agent_is_busy(silence: CallerSilence) -> None:
    silence.hold("agent", held=True)
    lasting = asyncio.create_task(silence.lasts(0))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not lasting.done()
    silence.hold("away", held=True)
    silence.hold("agent", held=False)
    for _ in range(10):
        await asyncio.sleep(0)
    assert not lasting.done()
    silence.hold("away", held=False)
    assert await asyncio.wait_for(lasting, 5)
