"""etcd's watch guarantees for a watcher of one conversation: each entry once and in order, with captions."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from readback.conversation.v1 import entry_pb2

from services.conversation.errors import ConversationNotFound
from services.conversation.log.writer_fence import Writer
from services.conversation.model.cursors import START, LogId, Position
from services.conversation.model.entries import UTTERANCE, EntryFilter
from services.conversation.watch import follower, wire_entries
from services.conversation.watch.backstop import poll
from services.conversation.watch.follower import CaughtUp, Ending, Heartbeat, PositionLost
from services.conversation.watch.live_captions import CaptionChange
from services.conversation.watch.log_reader import ConversationReader, LogSlice
from tests.unit.conversation.watchers import (
    asleep,
    coming,
    entries_coming,
    entries_of,
    heartbeats,
    numbers_of,
    read_at_once,
    until_caught_up,
    watch,
)

if TYPE_CHECKING:
    from tests.unit.conversation.core import Core

pytestmark = pytest.mark.unit


async def talk(core: Core, entries: int = 0) -> tuple[LogId, Writer]:
    """A call that a writer holds, with its first two entries and any number of words."""
    call, writer = await core.held_call()
    if entries:
        await core.append(writer, [core.said(f"word {number}") for number in range(entries)])
    return LogId.conversation(call.conversation_id), writer


async def test_ordered_and_unique_from_the_beginning_across_catching_up(core: Core) -> None:
    log, writer = await talk(core)
    async with watch(core, log) as events:
        assert await until_caught_up(events) == [1, 2]
        await core.append(writer, [core.said("hello")])
        (entry,) = await entries_coming(events, 1)
        assert (entry.number, entry.conversation_id, entry.utterance.text) == (3, log.id, "hello")


async def test_reliable_for_any_size_of_reads_and_messages(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, _ = await talk(core, 250)
    for rows, size in ((1, 1), (1, 10_000), (3, 700), (48, 256 * 1024)):
        read_at_once(monkeypatch, rows)
        monkeypatch.setattr(wire_entries, "BATCH_BYTES", size)
        async with watch(core, log) as events:
            assert await until_caught_up(events) == list(range(1, 253))


async def test_resumable_from_every_position(core: Core) -> None:
    log, _ = await talk(core, 20)
    positions = [START]
    async with watch(core, log) as events:
        async for position, event in events:
            positions.append(position)
            if isinstance(event, CaughtUp):
                break
    for position in positions:
        assert await core.followers.start_at(log, position) == position
        async with watch(core, log, position) as events:
            assert await until_caught_up(events) == list(range(position.number + 1, 23))


async def test_resumable_within_a_batch(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_entries, "BATCH_BYTES", 1)
    log, _ = await talk(core, 5)
    async with watch(core, log) as events:
        positions = [(await anext(events))[0] for _ in range(7)]
    assert [position.number for position in positions] == list(range(1, 8))
    async with watch(core, log, positions[3]) as events:
        assert await until_caught_up(events) == [5, 6, 7]


async def test_atomic_entries_of_one_commit_arrive_together(core: Core) -> None:
    log, writer = await talk(core)
    async with watch(core, log) as events:
        await until_caught_up(events)
        await core.append(writer, [core.said(f"{number}") for number in range(16)])
        assert numbers_of(await coming(events)) == list(range(3, 19))


async def test_bookmarkable_heartbeats_carry_the_position_past_filtered_entries(core: Core) -> None:
    log, writer = await talk(core)
    only_tools = EntryFilter(kinds=frozenset({UTTERANCE + 1}))
    async with watch(core, log, chosen=only_tools) as events:
        assert await until_caught_up(events) == []
        await core.append(writer, [core.said("left out") for _ in range(5)])
        async with heartbeats(core), asleep(events) as waiting:
            core.clock.advance(5)
            position, event = await waiting
    assert isinstance(event, Heartbeat)
    assert position.number == 7
    assert await core.followers.start_at(log, position) == position


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        (EntryFilter(speakers=frozenset({entry_pb2.SPEAKER_CUSTOMER})), [4, 6]),
        (
            EntryFilter(speakers=frozenset({entry_pb2.SPEAKER_CUSTOMER, entry_pb2.SPEAKER_AGENT})),
            [3, 4, 5, 6],
        ),
        (EntryFilter(kinds=frozenset({UTTERANCE})), [3, 4, 5, 6]),
        (EntryFilter(kinds=frozenset({12})), [1, 2]),
        (EntryFilter(kinds=frozenset({12}), speakers=frozenset({entry_pb2.SPEAKER_AGENT})), []),
    ],
)
async def test_filtered_watch_is_the_same_log_without_unwanted_entries(
    core: Core, chosen: EntryFilter, numbers: list[int]
) -> None:
    log, writer = await talk(core)
    customer = entry_pb2.SPEAKER_CUSTOMER
    await core.append(
        writer,
        [core.said("a"), core.said("b", speaker=customer), core.said("c"), core.said("d", speaker=customer)],
    )
    async with watch(core, log, chosen=chosen) as events:
        assert await until_caught_up(events) == numbers


async def test_start_at_a_time_begins_with_the_first_entry_stored_then(core: Core) -> None:
    log, writer = await talk(core)
    core.clock.advance(60)
    await core.append(writer, [core.said("a minute later")])
    start = await core.followers.start_at(log, core.clock.now() - timedelta(seconds=30))
    assert start.number == 2
    assert (await core.followers.start_at(log, core.clock.now() + timedelta(days=1))).number == 3
    assert await core.followers.start_at(log, core.clock.now() - timedelta(days=1)) == START


async def test_position_past_the_end_or_of_another_history_is_lost(core: Core) -> None:
    log, _ = await talk(core)
    for position in (Position.at(99, str(uuid4())), Position.at(1, str(uuid4())), Position(1)):
        with pytest.raises(PositionLost):
            await core.followers.start_at(log, position)


async def test_watch_of_an_unknown_conversation_fails(core: Core) -> None:
    with pytest.raises(ConversationNotFound):
        await core.followers.start_at(LogId.conversation(str(uuid4())), Position(1))


async def test_heartbeats_break_a_silence_and_news_postpones_them(core: Core) -> None:
    log, writer = await talk(core)
    async with heartbeats(core), watch(core, log) as events:
        await until_caught_up(events)
        for _ in range(3):
            async with asleep(events) as waiting:
                core.clock.advance(5)
                assert (await waiting)[1] == Heartbeat(core.clock.now())
        async with asleep(events) as waiting:
            core.clock.advance(4)
            await core.append(writer, [core.said("not silent")])
            await waiting
        async with asleep(events) as waiting:
            core.clock.advance(4)
            await asyncio.sleep(0.05)
            assert not waiting.done(), "four seconds are less than five"
            core.clock.advance(1.25)
            assert isinstance((await waiting)[1], Heartbeat)


async def test_long_log_without_wanted_entries_sends_heartbeats_and_is_read_once(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, _ = await talk(core, 200)
    read_at_once(monkeypatch, 1)
    read, reads = ConversationReader.after, list[int]()

    async def slowly(
        reader: ConversationReader, position: int, *, with_captions: bool = False, rows: int
    ) -> LogSlice:
        reads.append(position)
        core.clock.advance(2)
        return await read(reader, position, with_captions=with_captions, rows=rows)

    monkeypatch.setattr(ConversationReader, "after", slowly)
    unsaid = EntryFilter(speakers=frozenset({entry_pb2.SPEAKER_CUSTOMER}))
    async with watch(core, log, chosen=unsaid) as events:
        position, event = await anext(events)
        assert isinstance(event, Heartbeat)
        assert len(reads) == 3, "at most five seconds"
    async with watch(core, log, position, chosen=unsaid) as events:
        while not isinstance(event := await coming(events), CaughtUp):
            assert isinstance(event, Heartbeat)
    assert reads == sorted(set(reads)), "nothing was read twice"


async def test_captions_are_the_latest_and_never_of_sealed_utterances(core: Core) -> None:
    log, writer = await talk(core)
    spoken = str(uuid4())
    async with watch(core, log, live=True) as events:
        await until_caught_up(events)
        for revision in range(1, 6):
            await core.append(writer, [core.saying(f"{revision} words", revision, entry_id=spoken)])
        event = await coming(events)
        assert isinstance(event, CaptionChange)
        assert event.speech.text == "5 words"
        await core.append(
            writer, [core.saying("6 words", 6, entry_id=spoken), core.said("all words", entry_id=spoken)]
        )
        assert entries_of(await coming(events))[0].utterance.text == "all words"
        async with asleep(events):
            pass


async def test_new_watcher_gets_the_current_captions(core: Core) -> None:
    log, writer = await talk(core)
    await core.append(writer, [core.saying("I am saying", 7, entry_id=str(uuid4()))])
    for _ in range(2):
        async with watch(core, log, live=True) as events:
            await until_caught_up(events)
            event = await coming(events)
            assert isinstance(event, CaptionChange)
            assert (event.speech.text, event.speech.revision) == ("I am saying", 7)


async def test_entry_read_before_it_was_announced_ends_its_captions(core: Core) -> None:
    """The sealing replica was stopped between commit and announcement; its announcements arrive late."""
    log, writer = await talk(core)
    utterance = str(uuid4())
    async with watch(core, log, live=True) as early:
        await until_caught_up(early)
        await core.append(writer, [core.saying("hello th", 1, entry_id=utterance)])
        assert isinstance(await coming(early), CaptionChange)
        await core.another().append(writer, [core.said("hello there", entry_id=utterance)])
        async with watch(core, log, live=True) as late:
            assert await until_caught_up(late) == [1, 2, 3]
            core.bus.spoken(
                core.customer_id, log.id, core.saying("hello the", 2, entry_id=utterance).open_utterance
            )
            async with asleep(late):
                pass


async def test_two_watchers_of_one_log_each_get_a_caption_once(core: Core) -> None:
    log, writer = await talk(core)
    async with watch(core, log, live=True) as first, watch(core, log, live=True) as second:
        await until_caught_up(first)
        await core.append(writer, [core.saying("one", 1, entry_id=str(uuid4()))])
        await until_caught_up(second)
        for events in (first, second):
            assert isinstance(await coming(events), CaptionChange)
            async with asleep(events):
                pass


async def test_captions_are_sent_only_to_watchers_that_want_them(core: Core) -> None:
    log, writer = await talk(core)
    only_customer = EntryFilter(speakers=frozenset({entry_pb2.SPEAKER_CUSTOMER}))
    async with watch(core, log) as deaf, watch(core, log, live=True, chosen=only_customer) as choosy:
        await until_caught_up(deaf)
        await until_caught_up(choosy)
        await core.append(writer, [core.saying("psst", 1, entry_id=str(uuid4()))])
        for events in (deaf, choosy):
            async with asleep(events):
                pass


async def test_watch_ends_after_the_last_entry_of_an_ended_conversation(core: Core) -> None:
    call, _ = await core.held_call()
    async with watch(core, LogId.conversation(call.conversation_id)) as events:
        await until_caught_up(events)
        await core.end(call)
        await core.finish(call.conversation_id)
        seen = [event async for _, event in events]
    assert [number for event in seen if isinstance(event, list) for number in numbers_of(event)] == [3, 4]
    assert seen[-1] is Ending.CONVERSATION_ENDED


async def test_watch_of_an_ended_conversation_sends_all_and_ends(core: Core) -> None:
    call, _ = await core.held_call()
    await core.end(call)
    await core.finish(call.conversation_id)
    async with watch(core, LogId.conversation(call.conversation_id)) as events:
        assert await until_caught_up(events) == [1, 2, 3, 4]
        assert [event async for _, event in events] == [Ending.CONVERSATION_ENDED]


async def test_watch_ends_when_the_token_expires(core: Core) -> None:
    log, _ = await talk(core)
    async with heartbeats(core), watch(core, log, minutes=0.05) as events:
        await until_caught_up(events)
        async with asleep(events) as waiting:
            core.clock.advance(3)
            assert (await waiting)[1] is Ending.TOKEN_EXPIRED


async def test_draining_ends_running_and_later_watches(core: Core) -> None:
    log, _ = await talk(core)
    async with watch(core, log) as events:
        await until_caught_up(events)
        async with asleep(events) as waiting:
            core.followers.drain()
            assert (await waiting)[1] is Ending.DRAINING
    async with watch(core, log) as events:
        assert await coming(events) is Ending.DRAINING


async def test_backstop_makes_up_for_a_lost_wake_up(core: Core) -> None:
    log, writer = await talk(core)
    delivered = core.bus.deliver
    core.bus.deliver = lambda commit: None  # type: ignore[method-assign]  # announcements are lost
    async with watch(core, log) as events:
        await until_caught_up(events)
        await core.append(writer, [core.said("unheard")])
        async with asleep(events) as waiting:
            await poll(core.store, core.bus)
            assert numbers_of((await waiting)[1]) == [3]
        core.bus.deliver = delivered  # type: ignore[method-assign]
        await core.append(writer, [core.said("again")])
        assert numbers_of(await coming(events)) == [4], (
            "what memory holds begins after the gap, and is sent once"
        )


async def test_wrong_wake_up_neither_spins_nor_skips(core: Core) -> None:
    log, writer = await talk(core)
    async with watch(core, log) as events:
        await until_caught_up(events)
        core.bus.watched(log.kind)[log.id].advance(99)
        async with asleep(events):
            pass
    async with watch(core, log) as events:
        await until_caught_up(events)
        await core.append(writer, [core.said("three")])
        assert numbers_of(await coming(events)) == [3]


async def test_watcher_that_misses_a_thousand_wake_ups_loses_no_entry(core: Core) -> None:
    log, writer = await talk(core)
    async with watch(core, log) as events:
        await until_caught_up(events)
        for _ in range(10):
            await core.append(writer, [core.said("word") for _ in range(100)])
        entries = await entries_coming(events, 1000)
    assert [entry.number for entry in entries] == list(range(3, 1003))


async def test_watchers_at_the_head_are_served_without_reading_the_store(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, writer = await talk(core)
    async with watch(core, log) as first, watch(core, log) as second:
        await until_caught_up(first)
        await until_caught_up(second)
        monkeypatch.setattr(follower.Follower, "_read", None)
        await core.append(writer, [core.said("out of memory")])
        one, other = await coming(first), await coming(second)
    assert isinstance(one, list)
    assert isinstance(other, list)
    assert one[0].data is other[0].data, "serialized once"


async def test_news_without_entries_is_read_once_for_all_watchers(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, writer = await talk(core)
    reads = 0
    read = follower.Follower._read

    async def counted(self: follower.Follower) -> object:
        nonlocal reads
        reads += 1
        return await read(self)

    async with watch(core, log) as first, watch(core, log) as second, watch(core, log) as third:
        watchers = (first, second, third)
        for events in watchers:
            await until_caught_up(events)
        monkeypatch.setattr(follower.Follower, "_read", counted)
        delivered = core.bus.deliver
        core.bus.deliver = lambda commit: None  # type: ignore[method-assign]
        await core.append(writer, [core.said("elsewhere")])
        core.bus.deliver = delivered  # type: ignore[method-assign]
        waiting = [asyncio.ensure_future(coming(events)) for events in watchers]
        await asyncio.sleep(0)
        await poll(core.store, core.bus)
        assert [numbers_of(event) for event in await asyncio.gather(*waiting)] == [[3], [3], [3]]
    assert reads == 1


async def test_slow_watcher_reads_from_the_store_and_misses_nothing(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, writer = await talk(core)
    monkeypatch.setattr(core.bus._cache, "_capacity", 5000)
    async with watch(core, log) as slow, watch(core, log) as quick:
        await until_caught_up(slow)
        await until_caught_up(quick)
        for number in range(50):
            await core.append(writer, [core.said(f"{number} " + "word " * 100)])
            assert numbers_of(await coming(quick)) == [number + 3]
        assert core.bus._cache._size <= 5000, "the cache for the slow watcher is bounded"
        assert [entry.number for entry in await entries_coming(slow, 50)] == list(range(3, 53))


async def test_closed_watch_leaves_no_subscription(core: Core) -> None:
    log, _ = await talk(core)
    async with watch(core, log) as events:
        await until_caught_up(events)
        async with asleep(events):
            assert list(core.bus.watched(log.kind)) == [log.id]
    assert not core.bus.watched(log.kind)
    assert not core.followers.wheel._slots
