"""Short forms to watch the core and read events."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from readback.conversation.v1 import entry_pb2

from services.conversation.model.cursors import START, LogId, Position
from services.conversation.model.entries import EVERYTHING, EntryFilter
from services.conversation.watch import follower
from services.conversation.watch.follower import CaughtUp, Event, WatchOptions
from services.conversation.watch.wire_entries import Deleted

if TYPE_CHECKING:
    from services.conversation.log.writer_fence import Writer
    from services.conversation.model.records import Call
    from tests.unit.conversation.core import Core

Events = AsyncGenerator[tuple[Position, Event]]


@asynccontextmanager
async def watch(
    core: Core,
    log: LogId,
    position: Position = START,
    *,
    live: bool = False,
    states: bool = False,
    chosen: EntryFilter = EVERYTHING,
    minutes: float = 10,
) -> AsyncIterator[Events]:
    """Follow a log of the core's customer, with a token valid for some minutes and heartbeats after five
    seconds.
    """
    options = WatchOptions(5, live, core.clock.now() + timedelta(minutes=minutes), chosen, states)
    async with aclosing(core.followers.follow(log, core.customer_id, position, options)) as events:
        yield events


def read_at_once(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """Let watchers read this many rows at a time, from the first read on."""
    monkeypatch.setattr(follower, "FIRST_ROWS", rows)
    monkeypatch.setattr(follower, "ROWS", rows)


async def coming(events: Events) -> Event:
    """The next event."""
    async with asyncio.timeout(5):
        _, event = await anext(events)
    return event


async def until_caught_up(events: Events) -> list[int]:
    """Numbers of the entries before `CaughtUp`."""
    numbers: list[int] = []
    while not isinstance(event := await coming(events), CaughtUp):
        numbers += numbers_of(event)
    return numbers


async def entries_coming(events: Events, count: int) -> list[entry_pb2.Entry]:
    """The next entries, however they are batched, without other events between them."""
    entries: list[entry_pb2.Entry] = []
    while len(entries) < count:
        entries += entries_of(await coming(events))
    assert len(entries) == count
    return entries


def entries_of(event: Event) -> list[entry_pb2.Entry]:
    """The entries in an event that holds nothing else."""
    assert isinstance(event, list), event
    return [entry_pb2.Entry.FromString(entry.data) for entry in event]


def numbers_of(event: Event) -> list[int]:
    """Numbers of the entries in an event; a deletion has none."""
    return [] if isinstance(event, Deleted) else [entry.number for entry in entries_of(event)]


@asynccontextmanager
async def asleep(events: Events) -> AsyncIterator[asyncio.Task[tuple[Position, Event]]]:
    """The next event as a pending task: the watcher has read everything and sleeps."""
    waiting = asyncio.ensure_future(anext(events))
    done, _ = await asyncio.wait((waiting,), timeout=0.1)
    assert not done, waiting.result()
    yield waiting
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


@asynccontextmanager
async def heartbeats(core: Core) -> AsyncIterator[None]:
    """Run the timer that wakes watchers as the clock advances."""
    turning = asyncio.create_task(core.followers.wheel.run())
    await asyncio.sleep(0)
    try:
        yield
    finally:
        turning.cancel()
        await asyncio.gather(turning, return_exceptions=True)


def feed(core: Core) -> LogId:
    """All conversations of the core's customer."""
    return LogId.feed(core.customer_id)


async def entries_before_caught_up(events: Events) -> list[tuple[str, int]]:
    """Conversation and number of each entry before `CaughtUp`."""
    found = []
    while not isinstance(event := await coming(events), CaughtUp):
        found += [(entry.conversation_id, entry.number) for entry in entries_of(event)]
    return found


async def interleaved(
    core: Core, *, calls: int = 3, words: int = 40, seed: int = 7
) -> tuple[list[tuple[Call, Writer]], list[tuple[str, int]]]:
    """Calls in which people speak by turns, and the order of commits."""
    talks = [await core.held_call() for _ in range(calls)]
    order = [(call.conversation_id, number) for call, _ in talks for number in (1, 2)]
    numbers = {call.conversation_id: 2 for call, _ in talks}
    chance = random.Random(seed)
    for _ in range(words):
        call, writer = chance.choice(talks)
        count = chance.randint(1, 4)
        await core.append(writer, [core.said("word") for _ in range(count)])
        for _ in range(count):
            numbers[call.conversation_id] += 1
            order.append((call.conversation_id, numbers[call.conversation_id]))
    return talks, order
