"""The watchdog reports a turn that isn't audible in time, twice at most, and no other turn."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from agent.call.first_audio import FirstAudioWatchdog, UnheardTurn

pytestmark = pytest.mark.unit


class Watched:
    """A running watchdog with its reports."""

    def __init__(self, seconds: float) -> None:
        self.reports: list[tuple[str, str, int]] = []
        self.reported = asyncio.Event()
        self.watchdog = FirstAudioWatchdog(seconds, self._late)
        self.running = asyncio.create_task(self.watchdog.run())

    async def _late(self, turn: UnheardTurn) -> None:
        self.reports.append((turn.words, turn.text, turn.expiries))
        self.reported.set()

    async def until(self, reports: int) -> None:
        async with asyncio.timeout(5):
            while len(self.reports) < reports:
                self.reported.clear()
                await self.reported.wait()


@pytest.fixture
async def soon() -> AsyncIterator[Watched]:
    watched = Watched(0.01)
    yield watched
    watched.running.cancel()


@pytest.fixture
async def late() -> AsyncIterator[Watched]:
    watched = Watched(3600)
    yield watched
    watched.running.cancel()


async def test_a_turn_without_audio_is_reported_twice(soon: Watched) -> None:
    soon.watchdog.begin("flights")
    soon.watchdog.add("There are")
    soon.watchdog.add("three.")
    await soon.until(2)
    assert soon.reports == [("flights", "There are three.", 1), ("flights", "There are three.", 2)]
    assert not soon.watchdog.waiting


async def test_a_turn_that_is_heard_is_not_reported(late: Watched) -> None:
    late.watchdog.begin("flights")
    assert late.watchdog.waiting
    late.watchdog.stop()
    late.watchdog.add("the rest of the answer")
    assert not late.watchdog.waiting


async def test_a_new_turn_replaces_the_one_before(soon: Watched) -> None:
    soon.watchdog.begin("flights")
    soon.watchdog.begin("no, trains")
    await soon.until(2)
    assert {report[0] for report in soon.reports} == {"no, trains"}


async def test_an_earlier_turn_is_known_as_replaced(late: Watched) -> None:
    late.watchdog.begin("flights")
    earlier = late.watchdog._turn
    assert earlier is not None
    assert not late.watchdog.replaced(earlier)
    late.watchdog.begin("trains")
    assert late.watchdog.replaced(earlier)
    late.watchdog.stop()
    assert not late.watchdog.replaced(earlier)


async def test_a_turn_that_can_not_be_heard_yet_waits_on(
    soon: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def absent(turn: UnheardTurn) -> None:
        turn.expiries = 0
        await soon._late(turn)

    monkeypatch.setattr(soon.watchdog, "_on_late", absent)
    soon.watchdog.begin("hello")
    await soon.until(4)
    assert soon.watchdog.waiting
