"""Entries in hints are delivered if they continue the receiving replica's cache, and never otherwise."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from uuid import uuid4

import pytest

from services.conversation.log.bus import Committed
from services.conversation.model.cursors import LogId
from services.conversation.store import Transaction
from services.conversation.watch.hints import ORIGIN_BYTES, pack_hints, unpack_hints
from services.conversation.watch.live_captions import Caption
from services.conversation.watch.redis_wakeups import CARRIED_BYTES, _bounded, _merged
from services.conversation.watch.topics import CacheBudget, Topic
from services.conversation.watch.wire_entries import WireEntry
from tests.unit.conversation.core import Core
from tests.unit.conversation.watchers import coming, entries_coming, entries_of, feed, until_caught_up, watch

pytestmark = pytest.mark.unit

CUSTOMER, CONVERSATION = str(uuid4()), str(uuid4())


class Kept:
    """A relay that keeps hints for the test to deliver."""

    def __init__(self) -> None:
        self.commits: list[Committed] = []

    def committed(self, commit: Committed) -> None:
        self.commits.append(commit)

    def spoken(self, customer_id: str, spoken: Caption) -> None:
        pass

    def hint_call(self, call_id: str) -> None:
        pass

    def follow(self, customer_id: str) -> None:
        pass


def deliver(there: Core, commits: Sequence[Committed]) -> None:
    """Deliver commits to another replica in one message."""
    for hint in unpack_hints(pack_hints(bytes(ORIGIN_BYTES), commits)):
        assert isinstance(hint, Committed)
        there.bus.deliver(hint)


@contextmanager
def store_shut(core: Core) -> Iterator[None]:
    """Forbid reads of the store for watchers."""
    opened = core.store.asking

    @asynccontextmanager
    async def shut() -> AsyncIterator[Transaction]:
        raise AssertionError("the store was asked for what came with the hint")
        yield

    core.store.asking = shut  # type: ignore[method-assign]
    try:
        yield
    finally:
        core.store.asking = opened  # type: ignore[method-assign]


async def said(core: Core, count: int, *, kept: Kept) -> tuple[str, list[Committed]]:
    """A conversation with `count` turns, and the commits of the turns."""
    call, writer = await core.held_call()
    core.bus.relay = kept
    for number in range(count):
        await core.append(writer, [core.said(f"word {number}")])
    return call.conversation_id, kept.commits[-count:]


async def test_entries_in_a_hint_are_delivered_without_a_read(core: Core) -> None:
    there, kept = core.another(), Kept()
    call, writer = await core.held_call()
    core.bus.relay = kept
    async with (
        watch(there, LogId.conversation(call.conversation_id)) as one,
        watch(there, feed(there)) as every,
    ):
        for events in (one, every):
            assert await until_caught_up(events) == [1, 2]
        for number in (3, 4, 5):
            await core.append(writer, [core.said(f"word {number}")])
        with store_shut(there):
            deliver(there, kept.commits)
            for events in (one, every):
                found = await entries_coming(events, 3)
                assert [(entry.number, entry.utterance.text) for entry in found] == [
                    (n, f"word {n}") for n in (3, 4, 5)
                ]
    stored = await core.entries(call.conversation_id)
    assert found == stored[2:], "the same bytes as from the store"


@pytest.mark.parametrize("seed", range(12))
async def test_lost_doubled_reordered_and_bare_hints_show_each_entry_once_and_in_order(
    core: Core, seed: int
) -> None:
    chance, there, kept = random.Random(seed), core.another(), Kept()
    call, writer = await core.held_call()
    core.bus.relay = kept
    async with (
        watch(there, LogId.conversation(call.conversation_id)) as one,
        watch(there, feed(there)) as every,
    ):
        for events in (one, every):
            await until_caught_up(events)
        for number in range(24):
            await core.append(writer, [core.said(f"word {number}")])
        muddled = [
            replace(commit, entries=()) if chance.random() < 0.2 else commit for commit in kept.commits
        ]
        muddled = [commit for commit in muddled if chance.random() < 0.8] + chance.sample(muddled, 6)
        for place in range(len(muddled) - 1):
            if chance.random() < 0.3:
                muddled[place], muddled[place + 1] = muddled[place + 1], muddled[place]
        while muddled:
            size = chance.randint(1, 4)
            deliver(there, muddled[:size])
            del muddled[:size]
        deliver(there, kept.commits[-1:])
        for events in (one, every):
            assert [entry.number for entry in await entries_coming(events, 24)] == list(range(3, 27))


async def test_gap_before_an_entry_in_a_hint_is_read_once(core: Core) -> None:
    there, kept = core.another(), Kept()
    call, writer = await core.held_call()
    core.bus.relay = kept
    log = LogId.conversation(call.conversation_id)
    async with watch(there, log) as one, watch(there, log) as other:
        for events in (one, other):
            await until_caught_up(events)
        for number in range(4):
            await core.append(writer, [core.said(f"word {number}")])
        deliver(there, kept.commits[-1:])
        assert [entry.number for entry in await entries_coming(one, 4)] == [3, 4, 5, 6]
        with store_shut(there):
            assert [entry.number for entry in await entries_coming(other, 4)] == [3, 4, 5, 6]


async def test_hint_of_another_customer_s_conversation_wakes_no_watcher(core: Core) -> None:
    there, kept = core.another(), Kept()
    mine = (await core.held_call())[0].conversation_id
    async with watch(there, LogId.conversation(mine)) as events:
        await until_caught_up(events)
        _, foreign = await said(core, 2, kept=kept)
        deliver(there, foreign)
        (topic,) = [listener.topic for listener in there.bus._topics[LogId.conversation(mine)].listeners]
        assert topic.after(2, 10) == []


async def test_stored_entries_replace_wrong_entries_of_a_hint(core: Core) -> None:
    there, kept = core.another(), Kept()
    call, writer = await core.held_call()
    core.bus.relay = kept
    log = LogId.conversation(call.conversation_id)
    async with watch(there, log) as events:
        await until_caught_up(events)
        await core.append(writer, [core.said("true")])
        (true,) = kept.commits
        untrue = replace(true, head=5, entries=[replace(true.entries[0], number=5, entry_id=uuid4().bytes)])
        deliver(there, [untrue, replace(untrue, head=9, entries=())])
        assert [entry.utterance.text for entry in entries_of(await coming(events))] == ["true"]
        assert there.bus._topics[log].head == 3
        await core.append(writer, [core.said("as true")])
        deliver(there, kept.commits[-1:])
        assert [(entry.number, entry.utterance.text) for entry in await entries_coming(events, 1)] == [
            (4, "as true")
        ]


def test_cached_entries_beyond_the_stored_head_are_dropped() -> None:
    topic = Topic(LogId.conversation(CONVERSATION), CUSTOMER, CacheBudget())
    topic.add_committed([_step(number, "a hint") for number in range(1, 8)], head=7)
    topic.correct(7, 4)
    topic.add_committed([_step(number, "committed") for number in range(5, 8)], head=7)
    found = topic.after(3, 10)
    assert found is not None
    assert [step.data for step in found] == [b"a hint", b"committed", b"committed", b"committed"]


def test_commit_after_a_gap_leaves_the_cache_unchanged() -> None:
    topic = Topic(LogId.conversation(CONVERSATION), CUSTOMER, CacheBudget())
    topic.add_committed([_step(1), _step(2)], head=2)
    topic.add_committed([_step(5)], head=5)
    assert topic.after(2, 10) is None
    assert topic.is_at_end(2), "so that one watcher here reads for all"
    topic.add_read([_step(number) for number in (3, 4, 5)], head=5)
    assert [step.position for step in topic.after(0, 10) or ()] == [1, 2, 3, 4, 5]


async def test_large_commits_carry_no_entries_and_merged_ones_all_or_none(core: Core) -> None:
    kept = Kept()
    _, commits = await said(core, 4, kept=kept)
    one, two, three, four = commits
    assert _bounded(one) is one
    large = replace(one, entries=[replace(one.entries[0], content=bytes(CARRIED_BYTES + 1))])
    assert not _bounded(large).entries
    assert [entry.number for entry in _merged(one, two).entries] == [3, 4]
    assert not _merged(one, three).entries, "an entry between them is missing"
    assert not _merged(one, replace(two, entries=())).entries
    assert [entry.number for entry in _merged(_bounded(large), two).entries] == [4]
    sealing_only = replace(two, entries=(), sealed=[str(uuid4())])
    assert [entry.number for entry in _merged(two, sealing_only).entries] == [4]
    assert _merged(three, four).head == 6


def _step(position: int, data: str = "data") -> WireEntry:
    return WireEntry(position, CONVERSATION, position, str(uuid4()), 9, 1, data.encode())
