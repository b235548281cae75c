"""The local bus: hints, bounded, latest wins."""

from __future__ import annotations

import asyncio

import pytest
from readback.conversation.v1 import entry_pb2

from services.conversation.ports import Committed
from services.conversation.wakeups import MAX_LIVE, LocalWakeUps

pytestmark = pytest.mark.unit


def speech(utterance_id: str, revision: int, text: str = "") -> entry_pb2.OpenUtterance:
    return entry_pb2.OpenUtterance(utterance_id=utterance_id, revision=revision, text=text)


async def test_listener_is_woken_by_its_own_conversation_only() -> None:
    bus = LocalWakeUps()
    with bus.listen("mine") as mine, bus.listen("other") as other:
        bus.committed(Committed("", "mine", 3, sealed=()))
        await mine.woken()
        assert (mine.head, other.head) == (3, 0)


async def test_head_never_goes_back_and_an_old_one_wakes_nobody() -> None:
    bus = LocalWakeUps()
    with bus.listen("c") as listener:
        bus.committed(Committed("", "c", 5, sealed=()))
        await listener.woken()
        bus.committed(Committed("", "c", 4, sealed=()))
        assert listener.head == 5
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(listener.woken(), 0.01)


async def test_of_live_text_the_latest_revision_is_taken_once() -> None:
    bus = LocalWakeUps()
    with bus.listen("c") as listener:
        for revision in (1, 3, 2):
            bus.spoken("", "c", speech("u", revision))
        assert [taken.revision for taken in listener.take_live()] == [3]
        assert listener.take_live() == []


async def test_sealed_utterance_is_no_longer_live() -> None:
    bus = LocalWakeUps()
    with bus.listen("c") as listener:
        bus.spoken("", "c", speech("u", 1))
        bus.committed(Committed("", "c", 1, sealed=["u"]))
        assert listener.take_live() == []


async def test_listener_that_takes_nothing_holds_little() -> None:
    bus = LocalWakeUps()
    with bus.listen("c") as listener:
        for number in range(10_000):
            bus.spoken("", "c", speech(f"u{number}", 1, "word " * 100))
        assert len(listener.take_live()) == MAX_LIVE


async def test_nobody_is_left_when_the_last_listener_goes() -> None:
    bus = LocalWakeUps()
    with bus.listen("c"), bus.listen("c"):
        assert bus.watched() == ["c"]
    assert bus.watched() == []
    bus.committed(Committed("", "c", 1, sealed=()))
