"""Group commit: many appends together or one alone; no append fails another, and cancelling loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from mesh.errors import StoreUnavailable
from mesh.failpoints import FailpointReached, set_failpoints
from services.conversation.errors import CallNotFound, EpochHeld, StaleEpoch
from services.conversation.log.commit_plan import CommitPlan
from services.conversation.log.group_commit import ATTEMPTS, GroupCommit, Queue, Refused, Stored
from services.conversation.log.state_cache import StateCache
from services.conversation.log.writer_fence import Writer
from services.conversation.model.log_state import Changes, CustomerState, LogState
from services.conversation.store.appending import Reconnected
from tests.unit.conversation.core import Core

pytestmark = pytest.mark.unit


class GatedStore:
    """The core's store, with a gate before each transaction, and transactions that fail on demand."""

    def __init__(self, core: Core) -> None:
        self._store = core.store
        self.gate = asyncio.Event()
        self.gate.set()
        self.arrived = asyncio.Event()
        self.groups: list[list[str]] = []
        """The customers of each group that reached the store."""
        self.poison = ""
        """Text that makes a transaction fail."""
        self.away = False
        self.overtaken = 0
        """Number of transactions that find a newer version."""
        self.failing = 0
        """Number of transactions that find the store unavailable."""
        self.reconnecting = 0
        """Number of transactions that find the store reconnected."""
        self.lost_answers = 0
        """Number of transactions that are durable but whose answer is lost."""
        self.reads = 0

    async def states(self, call_ids: Collection[str], logs: Mapping[str, LogState]) -> list[CustomerState]:
        self.reads += 1
        if self.away:
            raise StoreUnavailable
        return await self._store.states(call_ids, logs)

    async def append(self, group: Sequence[Changes]) -> set[str]:
        self.arrived.set()
        await self.gate.wait()
        self.groups.append([changes.customer_id for changes in group])
        if self.away or self.failing:
            self.failing -= not self.away
            raise StoreUnavailable
        if self.reconnecting:
            self.reconnecting -= 1
            raise Reconnected
        if self.poison and any(
            self.poison.encode() in chunk.content for changes in group for chunk in changes.chunks
        ):
            raise ValueError("this can't be stored")
        if self.overtaken:
            self.overtaken -= 1
            return set()
        written = await self._store.append(group)
        if self.lost_answers:
            self.lost_answers -= 1
            raise StoreUnavailable
        return written


class Bench:
    """A group commit over the gated store, and what it announced."""

    def __init__(self, core: Core, *, most_waiting: int = 100) -> None:
        self.core, self.store = core, GatedStore(core)
        self.announced: list[CommitPlan] = []
        self.group = GroupCommit(self.store, self.announced.append, core.clock, most_waiting=most_waiting)

    async def append(self, writer: Writer, *texts: str) -> list[Stored | Refused]:
        return await (await self.submit(writer, *texts))

    async def submit(
        self, writer: Writer, *texts: str, queue: Queue | None = None
    ) -> asyncio.Future[list[Stored | Refused]]:
        return await self.group.submit(writer, [self.core.said(text) for text in texts], queue=queue)

    @asynccontextmanager
    async def under_way(self, writer: Writer) -> AsyncIterator[asyncio.Future[list[Stored | Refused]]]:
        """Hold a transaction, so that appends queue meanwhile."""
        self.store.gate.clear()
        self.store.arrived.clear()
        first = await self.submit(writer, "first")
        await self.store.arrived.wait()
        yield first
        self.store.gate.set()
        await self.group.settled()


@pytest.fixture
def bench(core: Core) -> Bench:
    return Bench(core)


def numbers(outcomes: Sequence[Stored | Refused]) -> list[int]:
    return [outcome.number for outcome in outcomes if isinstance(outcome, Stored)]


async def texts(core: Core, conversation_id: str) -> list[str]:
    return [text for text, _ in await core.utterances(conversation_id)]


async def test_appends_during_a_transaction_share_the_next_one(
    bench: Bench,
) -> None:
    held = [await bench.core.held_call() for _ in range(4)]
    async with bench.under_way(held[0][1]) as first:
        rest = [await bench.submit(writer, "gathered") for _, writer in held for _ in range(3)]
    assert numbers(await first) == [3]
    assert [numbers(await answer) for answer in rest[:3]] == [[4], [5], [6]]
    assert len(bench.store.groups) == 2
    for call, _ in held:
        assert (await texts(bench.core, call.conversation_id))[-3:] == ["gathered"] * 3


async def test_single_append_is_committed_immediately(bench: Bench) -> None:
    _, writer = await bench.core.held_call()
    assert numbers(await bench.append(writer, "alone")) == [3]
    assert numbers(await bench.append(writer, "again alone")) == [4]
    assert len(bench.store.groups) == 2


async def test_state_of_a_log_is_read_once(bench: Bench) -> None:
    _, writer = await bench.core.held_call()
    for turn in range(5):
        await bench.append(writer, f"turn {turn}")
    assert bench.store.reads == 1


async def test_append_that_cannot_be_stored_fails_no_other(bench: Bench) -> None:
    held = [await bench.core.held_call() for _ in range(3)]
    bench.store.poison = "poison"
    async with bench.under_way(held[0][1]):
        good = [await bench.submit(writer, "good") for _, writer in held]
        bad = await bench.submit(held[1][1], "poison")
        after = await bench.submit(held[1][1], "after")
    with pytest.raises(ValueError, match="can't be stored"):
        await bad
    for answer in (*good, after):
        assert numbers(await answer)
    assert await texts(bench.core, held[1][0].conversation_id) == ["good", "after"]


async def test_cancelled_writer_withdraws_nothing_and_breaks_nothing(bench: Bench) -> None:
    call, writer = await bench.core.held_call()
    async with bench.under_way(writer) as first:
        gone, stays = await bench.submit(writer, "said before going"), await bench.submit(writer, "stays")
        gone.cancel()
        first.cancel()
    assert numbers(await stays) == [5]
    assert await texts(bench.core, call.conversation_id) == ["first", "said before going", "stays"]


async def test_unavailable_store_fails_all_appends_until_it_is_back(bench: Bench) -> None:
    call, writer = await bench.core.held_call()
    await bench.append(writer, "before")
    bench.store.away = True
    async with bench.under_way(writer) as first:
        second = await bench.submit(writer, "second")
    for answer in (first, second):
        with pytest.raises(StoreUnavailable):
            await answer
    bench.store.away = False
    assert numbers(await bench.append(writer, "after")) == [4]
    assert await texts(bench.core, call.conversation_id) == ["before", "after"]


async def test_appends_behind_a_failed_one_of_their_queue_fail(bench: Bench) -> None:
    """The store fails the first append only: if stored, the second would get its number."""
    call, writer = await bench.core.held_call()
    queue = Queue()
    bench.store.gate.clear()
    bench.store.arrived.clear()
    bench.store.failing = 1
    first = await bench.submit(writer, "first", queue=queue)
    await bench.store.arrived.wait()
    behind = await bench.submit(writer, "second", queue=queue)
    other = await bench.submit(writer, "of another stream", queue=Queue())
    bench.store.gate.set()
    for answer in (first, behind, await bench.submit(writer, "third", queue=queue)):
        with pytest.raises(StoreUnavailable):
            await answer
    assert numbers(await other) == [3]
    again = Queue()
    assert [
        numbers(await (await bench.submit(writer, text, queue=again))) for text in ("first", "second")
    ] == [[4], [5]]
    assert await texts(bench.core, call.conversation_id) == ["of another stream", "first", "second"]


async def test_appends_behind_a_poisoned_one_of_their_queue_fail(
    bench: Bench,
) -> None:
    call, writer = await bench.core.held_call()
    queue = Queue()
    bench.store.poison = "poison"
    async with bench.under_way(writer):
        bad = await bench.submit(writer, "poison", queue=queue)
        after = await bench.submit(writer, "after", queue=queue)
    with pytest.raises(ValueError, match="can't be stored"):
        await bad
    with pytest.raises(StoreUnavailable):
        await after
    assert await texts(bench.core, call.conversation_id) == ["first"]


async def test_calls_are_found_with_a_tiny_cache(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.group, "_states", StateCache(capacity=1))
    calls = []
    for _ in range(5):
        bench.core.customer_id = str(uuid4())
        calls.append(await bench.core.held_call())
    async with bench.under_way(calls[0][1]):
        answers = [await bench.submit(writer, "here") for _, writer in calls]
    assert [numbers(await answer) for answer in answers] == [[4], [3], [3], [3], [3]]


async def test_retry_after_a_lost_answer_is_recognised(bench: Bench) -> None:
    call, writer = await bench.core.held_call()
    draft = bench.core.said("only once")
    bench.store.lost_answers = 1
    with pytest.raises(StoreUnavailable):
        await (await bench.group.submit(writer, [draft]))
    assert numbers(await (await bench.group.submit(writer, [draft]))) == [3]
    assert await texts(bench.core, call.conversation_id) == ["only once"]


async def test_append_is_planned_again_when_its_log_has_changed(bench: Bench) -> None:
    call, writer = await bench.core.held_call()
    await bench.append(writer, "one")
    await bench.core.append(writer, [bench.core.said("from another replica")])
    assert numbers(await bench.append(writer, "two")) == [5]
    assert await texts(bench.core, call.conversation_id) == ["one", "from another replica", "two"]


async def test_append_that_is_always_overtaken_fails_after_all_attempts(bench: Bench) -> None:
    _, writer = await bench.core.held_call()
    bench.store.overtaken = ATTEMPTS
    with pytest.raises(StoreUnavailable):
        await bench.append(writer, "never")
    assert numbers(await bench.append(writer, "now")) == [3]


async def test_cache_is_dropped_after_the_store_was_away(bench: Bench) -> None:
    (one, first), (_, second) = await bench.core.held_call(), await bench.core.held_call()
    draft = bench.core.said("known")
    await (await bench.group.submit(first, [draft]))
    await bench.append(second, "known too")
    reads, bench.store.reconnecting = bench.store.reads, 1
    assert numbers(await bench.append(second, "planned again")) == [4]
    assert bench.store.reads == reads + 1
    assert numbers(await (await bench.group.submit(first, [draft]))) == [3], (
        "read again, and recognised by that"
    )
    assert bench.store.reads == reads + 2
    assert await texts(bench.core, one.conversation_id) == ["known"]


async def test_entry_that_another_replica_stored_is_recognised(bench: Bench) -> None:
    call, writer = await bench.core.held_call()
    await bench.append(writer, "one")
    draft = bench.core.said("sent twice")
    (there,) = await bench.core.append(writer, [draft])
    assert await (await bench.group.submit(writer, [draft])) == [there]
    assert await texts(bench.core, call.conversation_id) == ["one", "sent twice"]


async def test_writer_that_lost_its_call_on_another_replica_is_fenced_despite_the_cache(
    bench: Bench,
) -> None:
    call, writer = await bench.core.held_call()
    await bench.append(writer, "mine")
    from services.conversation.calls import calls

    async with bench.core.log.commit() as commit:
        await calls.replace_agent(
            commit, await commit.call(call.call_id), entry_pb2.AGENT_LOSS_REASON_STREAM_BROKEN
        )
    with pytest.raises(StaleEpoch):
        await bench.append(writer, "not mine any more")
    assert await texts(bench.core, call.conversation_id) == ["mine"]


async def test_writer_that_took_the_call_on_another_replica_is_accepted_despite_the_cache(
    bench: Bench,
) -> None:
    call, writer = await bench.core.held_call()
    await bench.append(writer, "mine")
    from services.conversation.calls import calls

    async with bench.core.log.commit() as commit:
        await calls.replace_agent(
            commit, await commit.call(call.call_id), entry_pb2.AGENT_LOSS_REASON_STREAM_BROKEN
        )
    following = Writer(call.call_id, 2, str(uuid4()))
    await bench.core.calls.open(following)
    assert numbers(await bench.append(following, "going on"))
    with pytest.raises(EpochHeld):
        await bench.append(Writer(call.call_id, 2, str(uuid4())), "me too")


async def test_unknown_call_is_not_found_and_others_are_written(bench: Bench) -> None:
    _, writer = await bench.core.held_call()
    async with bench.under_way(writer):
        nowhere = await bench.submit(Writer(str(uuid4()), 1, str(uuid4())), "nowhere")
        somewhere = await bench.submit(writer, "somewhere")
    with pytest.raises(CallNotFound):
        await nowhere
    assert numbers(await somewhere) == [4]


async def test_submitters_block_while_the_queue_is_full(core: Core) -> None:
    bench = Bench(core, most_waiting=2)
    _, writer = await core.held_call()
    async with bench.under_way(writer):
        await bench.submit(writer, "second")
        third = asyncio.create_task(bench.submit(writer, "third"))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not third.done()
    assert numbers(await (await third)) == [5]


async def test_large_appends_are_spread_over_transactions(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.conversation.log.group_commit.MAX_DRAFTS", 4)
    call, writer = await bench.core.held_call()
    async with bench.under_way(writer):
        for size in (3, 3, 1, 9):
            await bench.submit(writer, *["many"] * size)
    assert len(bench.store.groups) == 1 + 3
    assert len(await texts(bench.core, call.conversation_id)) == 17


async def test_nothing_is_announced_or_answered_before_it_is_durable(bench: Bench) -> None:
    _, writer = await bench.core.held_call()
    async with bench.under_way(writer) as first:
        assert bench.announced == []
        assert not first.done()
    assert len(bench.announced) == 1
    assert first.done()


async def test_commits_are_announced_in_their_order(bench: Bench) -> None:
    call, writer = await bench.core.held_call()
    for turn in range(4):
        await bench.append(writer, f"turn {turn}")
    assert [plan.tail(call.conversation_id).head for plan in bench.announced] == [3, 4, 5, 6]


async def test_drain_commits_every_submitted_append(bench: Bench) -> None:
    call, writer = await bench.core.held_call()
    for turn in range(3):
        await bench.submit(writer, f"turn {turn}")
    await bench.group.settled()
    assert await texts(bench.core, call.conversation_id) == ["turn 0", "turn 1", "turn 2"]
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "group commit"]


@pytest.mark.parametrize(
    ("point", "stored"),
    [("before_commit", 0), ("after_commit_before_announce", 1), ("after_commit_before_ack", 1)],
)
async def test_failpoints_are_where_their_names_say(bench: Bench, point: str, stored: int) -> None:
    call, writer = await bench.core.held_call()
    await bench.append(writer, "before")
    announced = len(bench.announced)
    set_failpoints(f"conversation.{point}=fail", environment="development")
    try:
        with pytest.raises(FailpointReached):
            await bench.append(writer, "at the point")
    finally:
        set_failpoints("", environment="development")
    assert len(await texts(bench.core, call.conversation_id)) == 1 + stored
    assert len(bench.announced) == announced + (point == "after_commit_before_ack")
    assert numbers(await bench.append(writer, "after")) == [4 + stored]


async def test_drafts_that_break_a_rule_are_refused_alone(bench: Bench) -> None:
    _, writer = await bench.core.held_call()
    bad = bench.core.said("bad")
    bad.ClearField("end_time")
    drafts: list[call_record.Draft] = [bench.core.said("good"), bad, bench.core.said("good too")]
    outcomes = await (await bench.group.submit(writer, drafts))
    assert [type(outcome) for outcome in outcomes] == [Stored, Refused, Stored]
    assert numbers(outcomes) == [3, 4]
