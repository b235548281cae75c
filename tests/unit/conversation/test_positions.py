"""Numbers of entries can be waited for: before the ack, after it, and in vain."""

from __future__ import annotations

import asyncio

import pytest

from services.conversation.client import positions
from services.conversation.client.errors import CallEnded, DraftRefused
from services.conversation.client.positions import Positions

pytestmark = pytest.mark.unit


async def test_number_is_known_before_and_after_it_was_asked_for() -> None:
    known = Positions()
    asked = [asyncio.create_task(known.of("a")) for _ in range(2)]
    await asyncio.sleep(0)
    known.stored("a", 7)
    assert await asyncio.gather(*asked) == [7, 7]
    assert await known.of("a") == 7


async def test_refused_entry_never_gets_one() -> None:
    known = Positions()
    asked = asyncio.create_task(known.of("a"))
    await asyncio.sleep(0)
    known.refused("a", "end_time: before the start")
    for waiting in (asked, known.of("a")):
        with pytest.raises(DraftRefused, match="before the start"):
            await waiting


async def test_nobody_waits_beyond_the_call() -> None:
    known = Positions()
    known.stored("a", 1)
    asked = asyncio.create_task(known.of("b"))
    await asyncio.sleep(0)
    known.over(CallEnded("over"))
    for waiting in (asked, known.of("c")):
        with pytest.raises(CallEnded):
            await waiting
    assert await known.of("a") == 1


async def test_one_who_stops_waiting_disturbs_no_other() -> None:
    known = Positions()
    first, second = asyncio.create_task(known.of("a")), asyncio.create_task(known.of("a"))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    known.stored("a", 3)
    assert await second == 3


async def test_a_long_call_is_remembered_by_its_latest_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(positions, "REMEMBERED", 10)
    known = Positions()
    for number in range(1, 101):
        known.stored(f"{number}", number)
    assert len(known._known) == 10
    assert await known.of("100") == 100
