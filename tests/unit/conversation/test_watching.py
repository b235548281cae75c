"""A watcher sees each entry once, in order, and what is live in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from readback.conversation.v1 import entry_pb2

from services.conversation import watching
from services.conversation.backstop import look
from services.conversation.cursors import START, Position
from services.conversation.errors import CursorInvalid
from services.conversation.records import StoredEntry
from services.conversation.wakeups import LocalWakeUps
from services.conversation.watching import CaughtUp, Ending, Event, Heartbeat, WatchOptions

if TYPE_CHECKING:
    from tests.unit.conversation.core import Core

pytestmark = pytest.mark.unit

Events = AsyncGenerator[tuple[Position, Event]]


@asynccontextmanager
async def watch(core: Core, conversation_id: str, position: Position = START, *, live: bool = False) -> AsyncIterator[Events]:
    options = WatchOptions(heartbeat_seconds=5, include_live=live, expires_at=core.clock.now() + timedelta(minutes=10))
    async with aclosing(core.watching.watch(conversation_id, position, options)) as events:
        yield events


async def coming(events: Events) -> Event:
    async with asyncio.timeout(5):
        _, event = await anext(events)
    return event


async def until_caught_up(events: Events) -> list[int]:
    """Numbers of the entries before `CaughtUp`."""
    numbers = []
    while not isinstance(event := await coming(events), CaughtUp):
        assert isinstance(event, StoredEntry)
        numbers.append(event.number)
    return numbers


@asynccontextmanager
async def asleep(events: Events) -> AsyncIterator[asyncio.Task[tuple[Position, Event]]]:
    """The next event, being waited for: the watcher has read all there is and sleeps."""
    waiting = asyncio.ensure_future(anext(events))
    done, _ = await asyncio.wait((waiting,), timeout=0.1)
    assert not done
    yield waiting
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_watcher_from_the_beginning_catches_up_once(core: Core) -> None:
    call, writer = await core.held_call()
    async with watch(core, call.conversation_id) as events:
        assert await until_caught_up(events) == [1, 2]
        await core.log.append(writer, [core.said("hello")])
        event = await coming(events)
        assert isinstance(event, StoredEntry)
        assert event.number == 3


async def test_watcher_reads_page_after_page(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PAGE", 4)
    call, writer = await core.held_call()
    await core.log.append(writer, [core.said(f"{n}") for n in range(18)])
    async with watch(core, call.conversation_id) as events:
        assert await until_caught_up(events) == list(range(1, 21))


async def test_watcher_resumes_after_its_position(core: Core) -> None:
    call, writer = await core.held_call()
    await core.log.append(writer, [core.said("a"), core.said("b")])
    async with watch(core, call.conversation_id) as events:
        positions = [(await anext(events))[0] for _ in range(4)]
    for position in positions:
        async with watch(core, call.conversation_id, position) as events:
            assert await until_caught_up(events) == list(range(position.number + 1, 5))


async def test_start_at_a_time_begins_with_the_first_entry_stored_then(core: Core) -> None:
    call, writer = await core.held_call()
    core.clock.advance(60)
    await core.log.append(writer, [core.said("a minute later")])
    start = await core.watching.start_at(call.conversation_id, core.clock.now() - timedelta(seconds=30))
    assert start.number == 2
    assert (await core.watching.start_at(call.conversation_id, core.clock.now() + timedelta(days=1))).number == 3
    assert await core.watching.start_at(call.conversation_id, core.clock.now() - timedelta(days=1)) == START


async def test_position_past_the_end_or_of_another_history_is_invalid(core: Core) -> None:
    call = await core.call()
    for position in (Position.at(99, str(uuid4())), Position.at(1, str(uuid4()))):
        with pytest.raises(CursorInvalid):
            await core.watching.start_at(call.conversation_id, position)


async def test_silence_is_broken_by_heartbeats(core: Core) -> None:
    call = await core.call()
    async with watch(core, call.conversation_id) as events:
        await until_caught_up(events)
        for _ in range(3):
            async with asleep(events) as waiting:
                core.clock.advance(5)
                assert (await waiting)[1] == Heartbeat(core.clock.now())


async def test_live_text_is_the_latest_and_never_of_what_is_sealed(core: Core) -> None:
    call, writer = await core.held_call()
    spoken = str(uuid4())
    async with watch(core, call.conversation_id, live=True) as events:
        await until_caught_up(events)
        for revision in range(1, 6):
            await core.log.append(writer, [core.saying(f"{revision} words", revision, entry_id=spoken)])
        event = await coming(events)
        assert isinstance(event, entry_pb2.OpenUtterance)
        assert event.text == "5 words"
        await core.log.append(writer, [core.saying("6 words", 6, entry_id=spoken), core.said("all words", entry_id=spoken)])
        event = await coming(events)
        assert isinstance(event, StoredEntry)
        async with asleep(events):
            pass


async def test_late_comer_is_told_what_is_being_spoken(core: Core) -> None:
    call, writer = await core.held_call()
    await core.log.append(writer, [core.saying("I am saying", 7, entry_id=str(uuid4()))])
    async with watch(core, call.conversation_id, live=True) as events:
        await until_caught_up(events)
        event = await coming(events)
        assert isinstance(event, entry_pb2.OpenUtterance)
        assert (event.text, event.revision) == ("I am saying", 7)


async def test_live_text_is_not_sent_to_who_does_not_want_it(core: Core) -> None:
    call, writer = await core.held_call()
    async with watch(core, call.conversation_id) as events:
        await until_caught_up(events)
        await core.log.append(writer, [core.saying("psst", 1, entry_id=str(uuid4()))])
        async with asleep(events):
            pass


async def test_watch_ends_when_the_conversation_has_ended_and_all_was_sent(core: Core) -> None:
    call, _ = await core.held_call()
    async with watch(core, call.conversation_id) as events:
        await until_caught_up(events)
        await core.end(call)
        await core.finish(call.conversation_id)
        seen = [event async for _, event in events]
    assert [event.number for event in seen if isinstance(event, StoredEntry)] == [3, 4]
    assert seen[-1] is Ending.CONVERSATION_ENDED


async def test_watch_ends_when_the_token_expires(core: Core) -> None:
    call = await core.call()
    async with watch(core, call.conversation_id) as events:
        await until_caught_up(events)
        async with asleep(events) as waiting:
            core.clock.advance(600)
            assert (await waiting)[1] is Ending.TOKEN_EXPIRED


async def test_draining_ends_watches_that_run_and_that_come(core: Core) -> None:
    call = await core.call()
    async with watch(core, call.conversation_id) as events:
        await until_caught_up(events)
        async with asleep(events) as waiting:
            core.watching.drain()
            assert (await waiting)[1] is Ending.DRAINING
    async with watch(core, call.conversation_id) as events:
        assert await coming(events) is Ending.DRAINING


async def test_lost_wake_up_is_made_up_for_by_the_backstop(core: Core) -> None:
    call, writer = await core.held_call()
    core.log._bus = LocalWakeUps()  # what is said on this one nobody hears
    async with watch(core, call.conversation_id) as events:
        await until_caught_up(events)
        await core.log.append(writer, [core.said("unheard")])
        async with asleep(events) as waiting:
            await look(core.store, core.bus)
            assert isinstance((await waiting)[1], StoredEntry)


async def test_watcher_that_sleeps_through_a_thousand_entries_loses_none(core: Core) -> None:
    call, writer = await core.held_call()
    async with watch(core, call.conversation_id) as events:
        await until_caught_up(events)
        for _ in range(10):
            await core.log.append(writer, [core.said("word") for _ in range(100)])
        numbers = [event.number for event in [await coming(events) for _ in range(1000)] if isinstance(event, StoredEntry)]
    assert numbers == list(range(3, 1003))


async def test_watch_that_is_closed_listens_no_more(core: Core) -> None:
    call = await core.call()
    async with watch(core, call.conversation_id) as events:
        await until_caught_up(events)
        assert core.bus.watched() == [call.conversation_id]
    assert core.bus.watched() == []
