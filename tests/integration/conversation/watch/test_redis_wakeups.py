"""Wake-ups between replicas over Redis; the poll makes up for lost ones, and commits never wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from mesh.background import run_in_background
from mesh.clock import SystemClock
from mesh.database.migrations import migrated
from services.conversation.assembly import MIGRATIONS
from services.conversation.log.bus import Committed
from services.conversation.model.cursors import LogId
from services.conversation.store import Store
from services.conversation.watch import redis_wakeups
from services.conversation.watch.backstop import poll
from services.conversation.watch.conversation_states import ConversationState
from services.conversation.watch.follower import Ending
from services.conversation.watch.live_captions import Caption, CaptionChange
from services.conversation.watch.redis_wakeups import MAX_PENDING, RedisRelay
from tests.redis_server import RedisServer, redis_server
from tests.unit.conversation.core import Core
from tests.unit.conversation.watchers import Events, asleep, coming, entries_coming, until_caught_up, watch

if TYPE_CHECKING:
    from tests.postgres_server import PostgresServer

pytestmark = pytest.mark.integration


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A server that the test may kill."""
    with redis_server() as server:
        yield server


@asynccontextmanager
async def replicas(database: str, redis_url: str) -> AsyncIterator[tuple[Core, Core]]:
    """Two replicas on one store, connected by Redis."""
    async with AsyncExitStack() as stack:
        engine = await migrated(database, MIGRATIONS)
        stack.push_async_callback(engine.dispose)
        here = Core(Store(engine))
        there = here.another()
        for core in (here, there):
            await stack.enter_async_context(joined(core, redis_url))
        yield here, there


@asynccontextmanager
async def joined(core: Core, redis_url: str) -> AsyncIterator[RedisRelay]:
    """Connect a replica's bus to Redis until the block ends."""
    clock = SystemClock()
    relay = RedisRelay(
        redis_url, core.bus, await core.store.incarnation(), clock, lambda: poll(core.store, core.bus)
    )
    core.bus.relay = relay
    async with run_in_background(clock, publishing=relay.publish, subscription=relay.subscribe):
        yield relay
    await relay.aclose()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: object) -> str:
    """A database of either kind."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/log.sqlite3"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


async def next_numbers(events: Events, count: int) -> list[int]:
    """Numbers of the next entries, which must arrive without a poll."""
    return [entry.number for entry in await entries_coming(events, count)]


async def test_watcher_on_another_replica_gets_a_commit_without_a_poll(
    database: str, shared_redis: RedisServer
) -> None:
    async with replicas(database, shared_redis.url) as (here, there):
        call, writer = await here.held_call()
        async with (
            watch(there, LogId.conversation(call.conversation_id)) as one,
            watch(there, LogId.feed(there.customer_id)) as every,
        ):
            for events in (one, every):
                assert await until_caught_up(events) == [1, 2]
            for number in range(3, 23):
                await here.append(writer, [here.said(f"word {number}")])
            for events in (one, every):
                assert await next_numbers(events, 20) == list(range(3, 23))


async def test_captions_cross_replicas_and_never_follow_their_entry(
    database: str, shared_redis: RedisServer
) -> None:
    async with replicas(database, shared_redis.url) as (here, there):
        call, writer = await here.held_call()
        spoken = str(uuid4())
        async with watch(there, LogId.conversation(call.conversation_id), live=True) as events:
            await until_caught_up(events)
            await here.append(writer, [here.saying("two words", 1, entry_id=spoken)])
            event = await coming(events)
            assert isinstance(event, CaptionChange)
            assert (event.speech.text, event.conversation_id) == ("two words", call.conversation_id)
            await here.append(writer, [here.saying("two words more", 2, entry_id=spoken)])
            await here.append(writer, [here.said("two words more.", entry_id=spoken)])
            while isinstance(event := await coming(events), CaptionChange):
                assert event.speech.revision == 2
            assert isinstance(event, list)
            assert entry_pb2.Entry.FromString(event[0].data).utterance.text == "two words more."
            async with asleep(events):
                pass


async def test_titles_and_new_conversations_cross_replicas_without_a_poll(
    database: str, shared_redis: RedisServer
) -> None:
    async with replicas(database, shared_redis.url) as (here, there):
        _, writer = await here.held_call()
        async with watch(there, LogId.feed(there.customer_id), states=True) as events:
            assert await until_caught_up(events) == [1, 2]
            assert isinstance(await coming(events), ConversationState)
            request = here.said("Show flights from Chennai to Delhi", speaker=entry_pb2.SPEAKER_CUSTOMER)
            await here.append(writer, [request])
            assert await next_numbers(events, 1) == [3]
            titled = await coming(events)
            assert isinstance(titled, ConversationState)
            assert titled.conversation.title == "Show flights from Chennai to Delhi"
            begun = await here.conversation()
            new = await coming(events)
            assert isinstance(new, ConversationState)
            assert new.conversation.conversation_id == begun


async def test_end_and_deletion_of_a_conversation_cross_replicas(
    database: str, shared_redis: RedisServer
) -> None:
    async with replicas(database, shared_redis.url) as (here, there):
        call, _ = await here.held_call()
        async with watch(there, LogId.conversation(call.conversation_id)) as events:
            await until_caught_up(events)
            await here.end(call)
            await here.finish(call.conversation_id)
            seen = [event async for _, event in events]
        assert [step.number for event in seen if isinstance(event, list) for step in event] == [3, 4]
        assert seen[-1] is Ending.CONVERSATION_ENDED
        other, _ = await here.held_call()
        async with watch(there, LogId.conversation(other.conversation_id)) as events:
            await until_caught_up(events)
            here.bus.committed(Committed(here.customer_id, other.conversation_id, 2, 0, deleted=True))
            assert await coming(events) is Ending.CONVERSATION_DELETED


async def test_ended_calls_are_announced_to_every_replica(database: str, shared_redis: RedisServer) -> None:
    async with replicas(database, shared_redis.url) as (here, there):
        hinted: asyncio.Queue[str] = asyncio.Queue()
        there.bus.on_call_hint(hinted.put_nowait)
        call_id = str(uuid4())
        async with asyncio.timeout(10):
            while hinted.empty():
                here.bus.hint_call(call_id)
                await asyncio.sleep(0.05)
        assert await hinted.get() == call_id


async def test_own_wake_ups_are_ignored(database: str, shared_redis: RedisServer) -> None:
    async with replicas(database, shared_redis.url) as (here, there):
        hinted: list[str] = []
        here.bus.on_call_hint(hinted.append)
        for number in range(5):
            here.bus.hint_call(str(uuid4()))
            assert len(hinted) == number + 1
        there.bus.hint_call("01936d1c-7f5e-7a30-9d2e-0f5a6f2f9d11")
        async with asyncio.timeout(10):
            while "01936d1c-7f5e-7a30-9d2e-0f5a6f2f9d11" not in hinted:
                there.bus.hint_call("01936d1c-7f5e-7a30-9d2e-0f5a6f2f9d11")
                await asyncio.sleep(0.02)
        assert len(set(hinted)) == 6


async def test_wake_ups_of_another_database_are_ignored(shared_redis: RedisServer, tmp_path: object) -> None:
    async with (
        replicas(f"sqlite+aiosqlite:///{tmp_path}/a.sqlite3", shared_redis.url) as (here, _),
        replicas(f"sqlite+aiosqlite:///{tmp_path}/b.sqlite3", shared_redis.url) as (stranger, there),
    ):
        hinted: list[str] = []
        there.bus.on_call_hint(hinted.append)
        ours, theirs = str(uuid4()), str(uuid4())
        async with asyncio.timeout(10):
            while theirs not in hinted:
                here.bus.hint_call(ours)
                stranger.bus.hint_call(theirs)
                await asyncio.sleep(0.05)
        assert ours not in hinted


async def test_commits_continue_without_redis_and_no_entry_is_lost(
    own_redis: RedisServer, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_wakeups, "PAUSES_SECONDS", (0.02, 0.1))
    async with replicas(f"sqlite+aiosqlite:///{tmp_path}/log.sqlite3", own_redis.url) as (here, there):
        call, writer = await here.held_call()
        async with watch(there, LogId.conversation(call.conversation_id)) as events, asyncio.timeout(30):
            await until_caught_up(events)
            own_redis.kill()
            for number in range(10):
                await here.append(writer, [here.said(f"{number}")])
            async with asleep(events) as waiting:
                await poll(there.store, there.bus)
                event = (await waiting)[1]
                assert isinstance(event, list)
                assert [step.number for step in event] == list(range(3, 13)), "the poll makes up for it"
            await here.append(writer, [here.said("unheard")])
            own_redis.start()
            assert await next_numbers(events, 1) == [13], (
                "having reached Redis again, a replica looks what it missed"
            )
            await here.append(writer, [here.said("again")])
            assert await next_numbers(events, 1) == [14]


async def test_flushed_redis_loses_nothing(own_redis: RedisServer, tmp_path: object) -> None:
    async with replicas(f"sqlite+aiosqlite:///{tmp_path}/log.sqlite3", own_redis.url) as (here, there):
        call, writer = await here.held_call()
        async with watch(there, LogId.conversation(call.conversation_id)) as events, asyncio.timeout(30):
            await until_caught_up(events)
            own_redis.flush()
            await here.append(writer, [here.said("after the flush")])
            assert await next_numbers(events, 1) == [3]


async def test_pending_hints_are_bounded_and_merged(tmp_path: object) -> None:
    engine = await migrated(f"sqlite+aiosqlite:///{tmp_path}/log.sqlite3", MIGRATIONS)
    core = Core(Store(engine))
    relay = RedisRelay(
        "redis://127.0.0.1:9", core.bus, bytes(16), SystemClock(), lambda: poll(core.store, core.bus)
    )
    customer, conversation = str(uuid4()), str(uuid4())
    for head in range(1, 1000):
        relay.committed(
            Committed(customer, conversation, head, head, sealed=[str(uuid4())] if head < 3 else ())
        )
    ((_, hint),) = relay._pending.values()
    assert isinstance(hint, Committed)
    assert (hint.head, hint.feed_head, len(hint.sealed), hint.entries) == (999, 999, 2, ())
    for _ in range(MAX_PENDING + 100):
        relay.committed(Committed(customer, str(uuid4()), 1, 1))
    assert len(relay._pending) == MAX_PENDING
    await relay.aclose()
    await engine.dispose()


async def test_pending_caption_is_dropped_when_its_utterance_is_sealed(tmp_path: object) -> None:
    engine = await migrated(f"sqlite+aiosqlite:///{tmp_path}/log.sqlite3", MIGRATIONS)
    core = Core(Store(engine))
    relay = RedisRelay(
        "redis://127.0.0.1:9", core.bus, bytes(16), SystemClock(), lambda: poll(core.store, core.bus)
    )
    customer, conversation, utterance = (str(uuid4()) for _ in range(3))
    for revision in range(1, 5):
        speech = call_record.OpenUtterance(utterance_id=utterance, revision=revision)
        relay.spoken(customer, Caption(conversation, speech))
    assert len(relay._pending) == 1, "the latest wins while it waits"
    relay.committed(Committed(customer, conversation, 3, 3, sealed=[utterance]))
    ((_, hint),) = relay._pending.values()
    assert isinstance(hint, Committed)
    await relay.aclose()
    await engine.dispose()
