"""A customer's feed: every entry once, in the order of commit, with deletions, and gaps skipped."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from readback.conversation.v1 import entry_pb2

from services.conversation.log.bus import Committed
from services.conversation.model.cursors import START, LogId, LogKind, Position
from services.conversation.model.entries import EntryFilter
from services.conversation.watch import log_reader as log_reading
from services.conversation.watch.backstop import poll
from services.conversation.watch.follower import PositionLost
from services.conversation.watch.live_captions import CaptionChange
from services.conversation.watch.wire_entries import Deleted
from tests.unit.conversation.watchers import (
    asleep,
    coming,
    entries_before_caught_up,
    entries_coming,
    entries_of,
    feed,
    interleaved,
    read_at_once,
    until_caught_up,
    watch,
)

if TYPE_CHECKING:
    from tests.unit.conversation.core import Core

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("rows", [1, 2, 7, 48])
async def test_ordered_and_unique_over_all_conversations_in_the_order_of_commit(
    core: Core, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    _, order = await interleaved(core)
    read_at_once(monkeypatch, rows)
    async with watch(core, feed(core)) as events:
        assert await entries_before_caught_up(events) == order


async def test_resumable_anywhere_in_the_feed(core: Core) -> None:
    _, order = await interleaved(core, words=10)
    reader = log_reading.FeedReader(core.store, core.customer_id)
    for number in range(len(order) + 1):
        position = await log_reading.position_in(reader, number)
        assert position is not None
        assert await core.followers.start_at(feed(core), position) == position
        async with watch(core, feed(core), position) as events:
            assert await entries_before_caught_up(events) == order[number:]


async def test_later_conversations_are_followed_too(core: Core) -> None:
    async with watch(core, feed(core)) as events:
        assert await entries_before_caught_up(events) == []
        call, writer = await core.held_call()
        await core.append(writer, [core.said("hello")])
        entries = await entries_coming(events, 3)
    assert [(entry.conversation_id, entry.number) for entry in entries] == [
        (call.conversation_id, number) for number in (1, 2, 3)
    ]


async def test_feed_has_no_entries_of_other_customers(core: Core) -> None:
    await core.held_call()
    stranger = LogId.feed(str(uuid4()))
    async with watch(core, stranger) as events:
        assert await entries_before_caught_up(events) == []
        await core.held_call()
        async with asleep(events):
            pass


async def test_feed_from_memory_equals_the_feed_from_the_store(core: Core) -> None:
    async with watch(core, feed(core)) as events:
        await entries_before_caught_up(events)
        _, order = await interleaved(core)
        live = await entries_coming(events, len(order))
    assert [(entry.conversation_id, entry.number) for entry in live] == order


async def test_reliable_when_wake_ups_carry_only_heads(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver = core.bus.deliver

    def bare(commit: Committed) -> None:
        deliver(Committed(commit.customer_id, commit.conversation_id, commit.head, commit.feed_head))

    monkeypatch.setattr(core.bus, "deliver", bare)
    async with watch(core, feed(core)) as events:
        await entries_before_caught_up(events)
        _, order = await interleaved(core)
        entries = await entries_coming(events, len(order))
    assert [(entry.conversation_id, entry.number) for entry in entries] == order


async def test_backstop_makes_up_for_a_lost_wake_up_of_a_feed(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core.bus, "deliver", lambda _: None)
    async with watch(core, feed(core)) as events:
        await entries_before_caught_up(events)
        await core.held_call()
        async with asleep(events) as waiting:
            await poll(core.store, core.bus)
            assert len(entries_of((await waiting)[1])) == 2


async def test_start_at_a_time_begins_with_the_first_entry_committed_since(core: Core) -> None:
    (first, writer), (second, other) = [await core.held_call() for _ in range(2)]
    core.clock.advance(60)
    await core.append(other, [core.said("a minute later")])
    core.clock.advance(60)
    await core.append(writer, [core.said("two minutes later")])
    minute = timedelta(minutes=1)
    now = core.clock.now()
    for since, expected in (
        (now - 3 * minute, None),
        (now - 1.5 * minute, [(second.conversation_id, 3), (first.conversation_id, 3)]),
        (now - 0.5 * minute, [(first.conversation_id, 3)]),
        (now + minute, []),
    ):
        start = await core.followers.start_at(feed(core), since)
        if expected is None:
            assert start == START
            continue
        async with watch(core, feed(core), start) as events:
            assert await entries_before_caught_up(events) == expected


async def test_position_beyond_the_feed_or_of_another_history_is_lost(core: Core) -> None:
    await core.held_call()
    for position in (Position.at(3, str(uuid4())), Position.at(2, str(uuid4()))):
        with pytest.raises(PositionLost):
            await core.followers.start_at(feed(core), position)


async def test_filter_chooses_from_every_conversation(core: Core) -> None:
    for _ in range(2):
        _, writer = await core.held_call()
        await core.append(
            writer, [core.said("agent"), core.said("customer", speaker=entry_pb2.SPEAKER_CUSTOMER)]
        )
    chosen = EntryFilter(speakers=frozenset({entry_pb2.SPEAKER_CUSTOMER}))
    async with watch(core, feed(core), chosen=chosen) as events:
        entries = await entries_coming(events, 2)
        assert [entry.utterance.text for entry in entries] == ["customer", "customer"]


async def test_caption_names_its_conversation(core: Core) -> None:
    (first, writer), (second, other) = [await core.held_call() for _ in range(2)]
    await core.append(writer, [core.saying("before the watch", 1, entry_id=str(uuid4()))])
    async with watch(core, feed(core), live=True) as events:
        await entries_before_caught_up(events)
        before = await coming(events)
        await core.append(other, [core.saying("while it goes on", 1, entry_id=str(uuid4()))])
        during = await coming(events)
    assert isinstance(before, CaptionChange)
    assert isinstance(during, CaptionChange)
    assert (before.conversation_id, before.speech.text) == (first.conversation_id, "before the watch")
    assert (during.conversation_id, during.speech.text) == (second.conversation_id, "while it goes on")


async def test_announced_deletion_reaches_both_kinds_of_watchers(core: Core) -> None:
    call, _ = await core.held_call()
    async with (
        watch(core, feed(core)) as all_of_them,
        watch(core, LogId.conversation(call.conversation_id)) as one,
    ):
        await entries_before_caught_up(all_of_them)
        await until_caught_up(one)
        core.bus.committed(Committed(core.customer_id, call.conversation_id, 2, 3, deleted=True))
        assert await coming(all_of_them) == Deleted(call.conversation_id)
        assert (await coming(one)).name == "CONVERSATION_DELETED"  # type: ignore[union-attr]


async def test_feed_and_its_conversation_share_the_serialized_entry(core: Core) -> None:
    call, writer = await core.held_call()
    async with (
        watch(core, feed(core)) as all_of_them,
        watch(core, LogId.conversation(call.conversation_id)) as one,
    ):
        await entries_before_caught_up(all_of_them)
        await until_caught_up(one)
        await core.append(writer, [core.said("once")])
        first, second = await coming(all_of_them), await coming(one)
    assert isinstance(first, list)
    assert isinstance(second, list)
    assert first[0].data is second[0].data


async def test_unwatched_feed_costs_nothing(core: Core) -> None:
    async with watch(core, feed(core)) as events:
        await entries_before_caught_up(events)
        assert list(core.bus.watched(LogKind.FEED)) == [core.customer_id]
    await core.held_call()
    await asyncio.sleep(0)
    assert not core.bus.watched(LogKind.FEED)
    assert not core.bus._cache._cached
