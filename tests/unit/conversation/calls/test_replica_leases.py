"""A call held on one replica is not lost for another replica; a call that no replica holds is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.background import run_in_background
from mesh.errors import StoreUnavailable
from services.conversation.calls import replica_leases as leases
from services.conversation.calls.holds import EXPECTED_SECONDS, Hold, HoldEnd, Holds
from services.conversation.calls.ports import Participant
from services.conversation.calls.replica_leases import LEASE_SECONDS, LiveReplicas, ReplicaLease
from services.conversation.calls.supervision import CONCURRENCY, SCAN_SECONDS
from services.conversation.errors import StaleEpoch
from services.conversation.log.writer_fence import Writer
from services.conversation.model.records import Call
from tests.simulated_clock import SimulatedClock
from tests.unit.conversation.core import NOON

if TYPE_CHECKING:
    from tests.unit.conversation.core import Core

pytestmark = pytest.mark.unit


async def pass_time(seconds: float, core: Core, *scanning: Core) -> None:
    """Advance the clock while these replicas scan."""
    for _ in range(round(seconds / SCAN_SECONDS)):
        core.clock.advance(SCAN_SECONDS)
        for replica in scanning:
            await replica.scan()


@contextmanager
def held(core: Core, writer: Writer) -> Iterator[Hold]:
    """Hold a call with a stream on a replica that has opened it."""
    with core.holds.take(writer) as hold:
        yield hold


async def live_call(core: Core) -> tuple[Call, Writer]:
    """Return a call with caller and agent in the room, opened, but without a stream."""
    call, writer = await core.held_call()
    core.rooms.caller_joins()
    core.rooms.people.append(Participant("agent-1", is_agent=True))
    return call, writer


async def test_call_held_on_one_replica_is_left_alone_by_all_others(core: Core) -> None:
    other, third = core.another(), core.another()
    call, writer = await live_call(core)
    with held(core, writer):
        await pass_time(30, core, core, other, third)
    assert (await core.now(call)).epoch == 1
    assert core.rooms.asked == []


async def test_agent_lost_on_one_replica_is_replaced_once_within_a_second(core: Core) -> None:
    other, third = core.another(), core.another()
    call, writer = await live_call(core)
    with held(core, writer):
        await pass_time(5, core, core, other, third)
    await pass_time(0.75, core, core, other, third)
    assert core.rooms.asked == []
    await pass_time(1, core, core, other, third)
    assert core.rooms.asked == [2]
    assert core.rooms.removed == ["agent-1"]
    assert (await core.changes(call.conversation_id))[-1] == "AGENT_LOST 2 STREAM_BROKEN"


async def test_writer_that_reopens_on_another_replica_keeps_its_call_and_ends_the_half_open_stream(
    core: Core,
) -> None:
    other = core.another()
    call, writer = await live_call(core)
    with held(core, writer) as first:
        await pass_time(2, core, core, other)
        await other.calls.open(writer)
        with held(other, writer):
            await pass_time(10, core, core, other)
            assert await first.ended() is HoldEnd.REOPENED
    now = await core.now(call)
    assert (now.epoch, now.holder) == (1, other.replica_id)


async def test_late_end_of_a_half_open_stream_does_not_free_the_call_elsewhere(core: Core) -> None:
    other = core.another()
    call, writer = await live_call(core)
    half_open = core.holds.take(writer)
    half_open.__enter__()
    await other.calls.open(writer)
    with held(other, writer):
        half_open.__exit__(None, None, None)
        await pass_time(5, core, core, other)
        assert (await core.now(call)).holder == other.replica_id


async def test_calls_of_a_dead_replica_are_taken_over_after_its_lease(core: Core) -> None:
    other = core.another()
    call, writer = await live_call(core)
    with held(core, writer):
        await pass_time(5, core, core, other)
        await pass_time(LEASE_SECONDS + 0.5, core, other)  # `core` is dead or frozen
        assert core.rooms.asked == []
        await pass_time(1, core, other)
        assert core.rooms.asked == [2]
        assert (await core.now(call)).epoch == 2


async def test_calls_of_a_dead_replica_are_taken_over_even_if_livekit_does_not_answer(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More rooms of the live replica are due than it queries at the same time."""
    other, answer = core.another(), asyncio.Event()
    call, writer = await live_call(core)
    with ExitStack() as streams:
        streams.enter_context(held(core, writer))
        for _ in range(CONCURRENCY + 2):
            streams.enter_context(held(other, (await other.held_call())[1]))
        await pass_time(5, core, core, other)

        async def silent(room: str) -> list[Participant]:
            await answer.wait()
            return core.rooms.people

        monkeypatch.setattr(core.rooms, "participants", silent)
        async with asyncio.timeout(30):
            for _ in range(round((LEASE_SECONDS + 1.5) / SCAN_SECONDS)):
                core.clock.advance(SCAN_SECONDS)
                await other.lease.renew()
                await other.supervisor.scan()
                await asyncio.gather(*other.supervisor._agent_checks.values())
            assert (await core.now(call)).epoch == 2
            answer.set()
            await other.supervisor.settled()
            await other.scan()
        assert core.rooms.asked == [2]


async def test_supervisor_that_stops_leaves_no_query_to_livekit_running(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    async def silent(room: str) -> None:
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(core.rooms, "participants", silent)
    await core.call()
    async with asyncio.timeout(10):
        async with run_in_background(core.clock, calls=core.supervisor.run):
            await asked.wait()
        await core.supervisor.settled()
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("call")] == []


async def test_agents_of_a_dead_replica_reopen_on_another_in_time(core: Core) -> None:
    other = core.another()
    call, writer = await live_call(core)
    with held(core, writer):
        await pass_time(5, core, core, other)
        await pass_time(LEASE_SECONDS + 0.5, core, other)
        await other.calls.open(writer)
        with held(other, writer):
            await pass_time(20, core, other)
    assert (await core.now(call)).epoch == 1


async def test_frozen_replica_learns_that_its_agent_was_replaced(core: Core) -> None:
    other = core.another()
    _, writer = await live_call(core)
    with held(core, writer) as hold:
        await pass_time(5, core, core, other)
        await pass_time(4, core, other)
        await core.scan()
        assert await hold.ended() is HoldEnd.AGENT_REPLACED
    with pytest.raises(StaleEpoch):
        await core.append(writer, [core.said("Am I still here?")])


async def test_call_ended_elsewhere_ends_its_stream_here(core: Core) -> None:
    other = core.another()
    call, writer = await live_call(core)
    with held(core, writer) as hold:
        await core.scan()
        await other.end(call)
        assert other.hinted == [call.call_id]  # so that this replica checks immediately
        await core.lease.renew()
        assert await hold.ended() is HoldEnd.CALL_ENDED


async def test_call_handed_over_elsewhere_ends_its_stream_here(core: Core) -> None:
    other = core.another()
    _, writer = await live_call(core)
    with held(core, writer) as hold:
        await other.calls.close(writer, entry_pb2.CALL_END_REASON_UNSPECIFIED)
        await core.lease.renew()
        assert await hold.ended() is HoldEnd.AGENT_REPLACED


async def test_replica_that_drains_neither_releases_nor_keeps_its_calls(core: Core) -> None:
    other = core.another()
    call, writer = await live_call(core)
    with held(core, writer):
        await pass_time(2, core, core, other)
        core.holds.drain()
    await core.scan()
    assert (await core.now(call)).holder == core.replica_id
    await pass_time(2, core, core, other)
    await other.calls.open(writer)
    with held(other, writer):
        await pass_time(20, core, core, other)
    assert (await core.now(call)).epoch == 1


async def test_call_is_not_released_before_its_stream_takes_it(core: Core) -> None:
    call, writer = await live_call(core)
    await core.lease.renew()  # between the commit and the hold
    with held(core, writer):
        await core.lease.renew()
        assert (await core.now(call)).holder == core.replica_id


async def test_call_whose_stream_never_took_it_is_released_later(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, _ = await live_call(core)
    monkeypatch.setattr("services.conversation.calls.holds.EXPECTED_SECONDS", 0.0)
    await core.lease.renew()
    assert (await core.now(call)).holder is None
    assert EXPECTED_SECONDS > 1


async def test_open_that_fails_after_its_commit_releases_the_call(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease is woken, although this replica holds nothing, and releases the call."""
    call = await core.call()
    monkeypatch.setattr(core.calls._cipher, "open", lambda _: 1 / 0)
    async with asyncio.timeout(10):
        async with run_in_background(core.clock, lease=core.lease.run):
            core.clock.advance(LEASE_SECONDS)
            with pytest.raises(ZeroDivisionError):
                await core.calls.open(Writer(call.call_id, 1, str(uuid4())))
            while (await core.now(call)).holder is not None:
                core.clock.advance(SCAN_SECONDS)
                await asyncio.sleep(0.01)
    assert (await core.now(call)).state == pb.CALL_STATE_LIVE


async def test_replica_without_calls_writes_nothing(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    await core.lease.renew()
    monkeypatch.setattr(core.store, "writing", None)
    await core.lease.renew()


async def test_outage_of_the_store_loses_no_call(core: Core) -> None:
    """No replica can renew during the outage; the first scan after it must not declare the others dead."""
    other = core.another()
    call, writer = await live_call(core)
    with held(core, writer):
        await pass_time(5, core, core, other)
        core.clock.advance(60)
        await other.scan()
        core.clock.advance(SCAN_SECONDS)
        await other.scan()
        await pass_time(5, core, other, core)
    assert (await core.now(call)).epoch == 1


async def test_failed_release_is_retried(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    call, writer = await live_call(core)
    with held(core, writer):
        await core.lease.renew()
    with monkeypatch.context() as away:

        def writing() -> object:
            raise StoreUnavailable

        away.setattr(core.store, "writing", writing)
        with pytest.raises(StoreUnavailable):
            await core.lease.renew()
    await core.lease.renew()
    assert (await core.now(call)).holder is None


async def test_each_replica_queries_only_the_rooms_of_its_own_calls(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = core.another()
    _, writer = await live_call(core)
    asked: list[str] = []
    participants = core.rooms.participants

    async def counted(room: str) -> object:
        asked.append(room)
        return await participants(room)

    monkeypatch.setattr(core.rooms, "participants", counted)
    with held(core, writer):
        await pass_time(20, core, other)
        asked.clear()
        await core.scan()
        assert len(asked) == 1


def test_replica_is_alive_while_its_row_changes_by_the_readers_clock() -> None:
    clock = SimulatedClock(NOON)
    replicas = LiveReplicas("own", clock)
    skewed = NOON.replace(year=1999)
    for tick in range(20):
        clock.advance(0.25)
        replicas.observe({"other": skewed.replace(microsecond=tick), "dead": skewed})
    assert set(replicas.alive) == {"own", "other"}


def test_own_replica_is_always_alive() -> None:
    assert set(LiveReplicas("own", SimulatedClock(NOON)).alive) == {"own"}


def test_every_process_has_its_own_replica_id() -> None:
    assert leases.new_replica_id() != leases.new_replica_id()


async def test_hint_is_sent_only_for_calls_that_are_not_held_here() -> None:
    hints: list[str] = []
    holds = Holds(hints.append)
    writer = Writer("here", 1, str(uuid4()))
    with holds.take(writer):
        holds.end("here", HoldEnd.CALL_ENDED)
        holds.end("elsewhere", HoldEnd.CALL_ENDED)
    assert hints == ["elsewhere"]


async def test_end_reason_distinguishes_replaced_moved_and_ended(core: Core) -> None:
    call, writer = await live_call(core)
    now = await core.now(call)
    with held(core, writer) as hold:
        assert leases._end_reason(now, hold) is HoldEnd.REOPENED
        assert leases._end_reason(replace(now, epoch=2), hold) is HoldEnd.AGENT_REPLACED
        assert leases._end_reason(replace(now, state=pb.CALL_STATE_ENDED), hold) is HoldEnd.CALL_ENDED
        assert leases._end_reason(None, hold) is HoldEnd.CALL_ENDED
    assert isinstance(core.lease, ReplicaLease)
