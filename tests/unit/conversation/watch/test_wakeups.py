"""Wake-ups reach the watchers of a log and no others; the cache is bounded."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from services.conversation.log.bus import Committed
from services.conversation.model.cursors import LogId, LogKind
from services.conversation.watch.live_captions import Caption
from services.conversation.watch.topics import CacheBudget, Topic
from services.conversation.watch.wakeups import LocalBus
from services.conversation.watch.wire_entries import WireEntry

pytestmark = pytest.mark.unit

CUSTOMER, MINE, OTHER = (str(uuid4()) for _ in range(3))


def steps(first: int, last: int, size: int = 10) -> list[WireEntry]:
    return [
        WireEntry(number, MINE, number, str(uuid4()), 9, 1, b"x" * size) for number in range(first, last + 1)
    ]


def positions(found: list[WireEntry] | None) -> list[int] | None:
    return None if found is None else [step.position for step in found]


@pytest.fixture
def topic() -> Topic:
    return Topic(LogId.conversation(MINE), CUSTOMER, CacheBudget())


async def test_commit_wakes_the_listeners_of_its_conversation_and_of_its_customer() -> None:
    bus = LocalBus()
    with (
        bus.listen(LogId.conversation(MINE), CUSTOMER) as mine,
        bus.listen(LogId.feed(CUSTOMER), CUSTOMER) as every,
        bus.listen(LogId.conversation(OTHER), CUSTOMER) as other,
    ):
        bus.committed(Committed(CUSTOMER, MINE, 3, 30))
        async with asyncio.timeout(1):
            await mine.wait()
            await every.wait()
        assert (mine.topic.head, every.topic.head, other.topic.head) == (3, 30, 0)
        assert not other._woken


async def test_repeated_news_wakes_once() -> None:
    bus = LocalBus()
    with bus.listen(LogId.conversation(MINE), CUSTOMER) as listener:
        bus.committed(Committed(CUSTOMER, MINE, 5))
        await listener.wait()
        bus.committed(Committed(CUSTOMER, MINE, 4))
        bus.committed(Committed(CUSTOMER, MINE, 5))
        assert not listener._woken


async def test_captions_wake_only_watchers_that_want_them() -> None:
    bus = LocalBus()
    log = LogId.conversation(MINE)
    with bus.listen(log, CUSTOMER) as deaf, bus.listen(log, CUSTOMER, wants_captions=True) as keen:
        bus.spoken(CUSTOMER, MINE, call_record.OpenUtterance(utterance_id="u", revision=1))
        assert not deaf._woken
        await keen.wait()
        assert not deaf.take_captions()
        assert [spoken.speech.utterance_id for spoken in keen.take_captions()] == ["u"]
        assert not keen.take_captions()


async def test_all_watchers_can_be_woken() -> None:
    bus = LocalBus()
    with (
        bus.listen(LogId.conversation(MINE), CUSTOMER) as one,
        bus.listen(LogId.feed(CUSTOMER), CUSTOMER) as other,
    ):
        bus.wake_all()
        await one.wait()
        await other.wait()


def test_closed_subscription_leaves_no_topic() -> None:
    bus = LocalBus()
    log = LogId.conversation(MINE)
    with bus.listen(log, CUSTOMER):
        with bus.listen(log, CUSTOMER):
            pass
        assert list(bus.watched(LogKind.CONVERSATION)) == [MINE]
    assert not bus.watched(LogKind.CONVERSATION)
    bus.committed(Committed(CUSTOMER, MINE, 1))


def test_relay_gets_announcements_and_followed_customers() -> None:
    class Relay:
        def __init__(self) -> None:
            self.announced: list[object] = []

        def committed(self, commit: Committed) -> None:
            self.announced.append(commit)

        def spoken(self, customer_id: str, spoken: Caption) -> None:
            self.announced.append((customer_id, spoken.conversation_id))

        def hint_call(self, call_id: str) -> None:
            self.announced.append(call_id)

        def follow(self, customer_id: str) -> None:
            self.announced.append(f"follow {customer_id}")

    bus, relay = LocalBus(), Relay()
    bus.relay = relay
    hinted: list[str] = []
    bus.on_call_hint(hinted.append)
    commit = Committed(CUSTOMER, MINE, 1)
    with bus.listen(LogId.conversation(MINE), CUSTOMER):
        bus.committed(commit)
        bus.spoken(CUSTOMER, MINE, call_record.OpenUtterance(utterance_id="u"))
        bus.hint_call("call")
        bus.deliver(commit)
        bus.deliver_call("another's")
    assert relay.announced == [f"follow {CUSTOMER}", commit, (CUSTOMER, MINE), "call"]
    assert hinted == ["call", "another's"]


def test_cache_serves_the_entries_it_has(topic: Topic) -> None:
    topic.add_read(steps(3, 6), head=6)
    assert positions(topic.after(2, 10)) == [3, 4, 5, 6]
    assert positions(topic.after(4, 1)) == [5]
    assert positions(topic.after(6, 10)) == []
    assert topic.after(1, 10) is None, "the store has it"


def test_cache_never_has_a_gap(topic: Topic) -> None:
    topic.add_read(steps(1, 3), head=3)
    topic.advance(5)
    assert topic.after(3, 10) is None, "four and five were committed elsewhere"
    topic.add_read(steps(6, 7), head=7)
    assert topic.after(3, 10) is None
    assert positions(topic.after(5, 10)) == [6, 7]


def test_read_entries_continue_announced_ones(topic: Topic) -> None:
    topic.add_read(steps(1, 2), head=2)
    topic.advance(4)
    topic.add_read(steps(2, 4), head=4)
    assert positions(topic.after(0, 10)) == [1, 2, 3, 4]


def test_wrong_head_is_corrected_unless_a_commit_came_meanwhile(topic: Topic) -> None:
    topic.advance(9)
    topic.correct(9, 4)
    assert topic.head == 4
    topic.advance(6)
    topic.correct(4, 5)
    assert topic.head == 6


def test_cache_of_all_logs_is_bounded_and_evicts_the_oldest() -> None:
    memory = CacheBudget(capacity=10_000)
    first, second = (Topic(LogId.conversation(log), CUSTOMER, memory) for log in (MINE, OTHER))
    first.add_read(steps(1, 5, size=500), head=5)
    second.add_read(steps(1, 8, size=500), head=8)
    assert first.after(0, 10) is None
    assert positions(second.after(0, 10)) == list(range(1, 9))
    assert memory._size <= 10_000
    second.add_read(steps(9, 200, size=500), head=200)
    assert positions(second.after(199, 10)) == [200]
    assert memory._size <= 10_000


def test_entry_seals_its_utterance(topic: Topic) -> None:
    (entry,) = steps(1, 1)
    topic.add_caption(Caption(MINE, call_record.OpenUtterance(utterance_id=entry.id, revision=1)))
    topic.add_read([entry], head=1)
    topic.add_caption(Caption(MINE, call_record.OpenUtterance(utterance_id=entry.id, revision=2)))
    assert not topic.captions.since(0)
