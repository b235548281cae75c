"""A running call has an agent, and a call without its caller ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.background import run_in_background
from services.conversation.calls import agent_replacement, caller_absence, supervision
from services.conversation.calls.holds import Hold, HoldEnd
from services.conversation.calls.ports import Participant
from services.conversation.errors import StaleEpoch
from services.conversation.log.writer_fence import Writer

if TYPE_CHECKING:
    from services.conversation.model.records import Call
    from tests.unit.conversation.core import Core

pytestmark = pytest.mark.unit


async def scan_for(core: Core, seconds: float, *others: Core) -> None:
    """Advance the clock while replicas scan."""
    step = supervision.SCAN_SECONDS if seconds < 30 else 0.75  # fewer scans over long times, for speed
    for _ in range(round(seconds / step)):
        core.clock.advance(step)
        for replica in (core, *others):
            await replica.scan()


@asynccontextmanager
async def live_call(core: Core, seconds: float) -> AsyncIterator[tuple[Call, Hold]]:
    """Hold a call with its caller in the room, and scan for some seconds."""
    call, writer = await core.held_call()
    core.rooms.caller_joins()
    with core.holds.take(writer) as hold:
        await scan_for(core, seconds)
        yield call, hold


async def lost_agent(core: Core, seconds: float) -> tuple[Call, Writer]:
    """Return a call whose agent's stream breaks after some seconds, and its writer."""
    async with live_call(core, seconds) as (call, hold):
        return call, hold.writer


async def held_before(core: Core) -> tuple[Call, Writer]:
    """Return a call whose stream was held by a dead process."""
    before = core.another()
    call, writer = await before.held_call()
    stream = before.holds.take(writer)
    stream.__enter__()  # never exited: the process was killed
    await before.scan()
    return call, writer


async def test_patience_with_the_first_dispatch_starts_when_the_caller_joins(core: Core) -> None:
    await core.call()
    await scan_for(core, 20)  # the caller joins late
    assert core.rooms.asked == []
    core.rooms.caller_joins()
    await scan_for(core, 2.5)
    assert core.rooms.asked == []
    await scan_for(core, 2)
    assert core.rooms.asked == [2]


async def test_agent_that_does_not_come_is_dispatched_again_with_growing_patience(core: Core) -> None:
    call = await core.call()
    core.rooms.caller_joins()
    await scan_for(core, 3 + 4.5 + 6.75 + 3)
    assert core.rooms.asked == [2, 3, 4]
    assert (await core.now(call)).epoch == 4
    with pytest.raises(StaleEpoch):
        await core.calls.open(Writer(call.call_id, 1, str(uuid4())))


async def test_call_ends_when_no_agent_is_available(core: Core) -> None:
    call = await core.call()
    core.rooms.caller_joins()
    await scan_for(core, 90)
    ended = await core.now(call)
    assert ended.end_reason == entry_pb2.CALL_END_REASON_NO_AGENT
    assert (
        len(core.rooms.asked) == agent_replacement.MAX_DISPATCHES - 1
    )  # the token contains the first dispatch
    assert (await core.changes(call.conversation_id))[-1].endswith("NO_AGENT")


async def test_calls_that_wait_for_an_agent_have_a_place_in_line(core: Core) -> None:
    waiting = [await core.call() for _ in range(3)]
    core.rooms.caller_joins()
    await scan_for(core, 4)
    assert [await place_of(core, call) for call in waiting] == [1, 2, 3]
    writer = Writer(waiting[0].call_id, (await core.now(waiting[0])).epoch, str(uuid4()))
    await core.calls.open(writer)
    await core.end(waiting[1])
    assert [await place_of(core, call) for call in waiting] == [0, 0, 1]


async def test_while_agents_are_busy_calls_wait_and_the_front_of_the_line_is_dispatched(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_replacement, "MAX_DISPATCHES", 2)
    monkeypatch.setattr(agent_replacement, "FRONT", 1)
    _, writer = await core.held_call()
    first, second = await core.call(), await core.call()
    core.rooms.caller_joins()
    with core.holds.take(writer):
        await scan_for(core, 3 + 4.5 + 6.75 + 1)
        last = await core.call()
        await scan_for(core, 1)
        waiting = [await core.now(call) for call in (first, second, last)]
        assert {call.state for call in waiting} == {pb.CALL_STATE_DISPATCHED}
        assert [call.epoch for call in waiting] == [4, 1, 1]
        assert waiting[2].dispatches == 0, "a free agent is for the calls in line"
        await core.end(first)
        await scan_for(core, 1)
        assert [(await core.now(call)).epoch for call in (second, last)] == [2, 1]


async def place_of(core: Core, call: Call) -> int:
    async with core.store.reading() as transaction:
        return await transaction.place_in_line(await core.now(call))


async def test_room_is_created_when_livekit_is_back(core: Core) -> None:
    core.rooms.up = False
    call = await core.call()
    assert core.rooms.created == []
    core.rooms.up = True
    await scan_for(core, 1)
    assert core.rooms.created[0] == call.room


async def test_broken_stream_that_returns_within_a_second_changes_nothing(core: Core) -> None:
    call, writer = await lost_agent(core, 1)
    await scan_for(core, 0.75)
    await core.calls.open(writer)
    with core.holds.take(writer):
        await scan_for(core, 5)
    assert (await core.now(call)).epoch == 1
    assert core.rooms.asked == []


async def test_lost_agent_is_replaced_after_a_second(core: Core) -> None:
    call, writer = await core.held_call()
    core.rooms.caller_joins()
    core.rooms.people.append(Participant("agent-1", is_agent=True))
    with core.holds.take(writer):
        await core.append(writer, [core.saying("There are three fl", 3, entry_id=str(uuid4()))])
        await scan_for(core, 1)
    await scan_for(core, 1.25)
    assert core.rooms.asked == [2]
    assert core.rooms.removed == ["agent-1"]
    assert await core.utterances(call.conversation_id) == [("There are three fl", "TRUNCATED")]
    assert await core.changes(call.conversation_id) == [
        "CALL_STARTED 1",
        "AGENT_JOINED 1",
        "AGENT_LOST 2 STREAM_BROKEN",
    ]
    with pytest.raises(StaleEpoch):
        await core.calls.open(writer)


async def test_next_agent_takes_the_call_and_patience_is_reset(core: Core) -> None:
    call, _ = await lost_agent(core, 1)
    await scan_for(core, 1.25)
    following = Writer(call.call_id, 2, str(uuid4()))
    await core.calls.open(following)
    with core.holds.take(following):
        await scan_for(core, 30)
    live = await core.now(call)
    assert (live.state, live.epoch, live.dispatches) == (pb.CALL_STATE_LIVE, 2, 0)
    assert core.rooms.asked == [2]


async def test_after_a_restart_an_agent_has_time_to_return(core: Core) -> None:
    call, writer = await held_before(core)
    core.rooms.caller_joins()
    await scan_for(core, 2.75)
    await core.calls.open(writer)
    with core.holds.take(writer):
        await scan_for(core, 10)
    assert (await core.now(call)).epoch == 1


async def test_after_a_restart_an_agent_that_stays_away_is_replaced(core: Core) -> None:
    call, _ = await held_before(core)
    core.rooms.caller_joins()
    await scan_for(core, 4)
    assert (await core.now(call)).epoch == 2
    assert core.rooms.asked == [2]


async def test_agent_that_hands_over_is_replaced_immediately(core: Core) -> None:
    async with live_call(core, 1) as (call, hold):
        await core.calls.close(hold.writer, entry_pb2.CALL_END_REASON_UNSPECIFIED)
    await scan_for(core, 1)
    assert core.rooms.asked == [2]
    assert (await core.changes(call.conversation_id))[-1] == "AGENT_LOST 2 HANDED_OVER"


async def test_no_agent_is_dispatched_while_the_caller_is_absent(core: Core) -> None:
    await lost_agent(core, 6)
    core.rooms.all_leave()
    await scan_for(core, 20)
    assert core.rooms.asked == []
    core.rooms.caller_joins()
    await scan_for(core, 1.25)
    assert core.rooms.asked == [2]


async def test_call_whose_caller_stays_away_ends(core: Core) -> None:
    async with live_call(core, 6) as (call, hold):
        core.rooms.all_leave()
        await scan_for(core, 59)
        assert not (await core.now(call)).ended
        await scan_for(core, 12)
        assert (await core.now(call)).ended
        assert await hold.ended() is HoldEnd.CALL_ENDED
    assert (await core.now(call)).end_reason == entry_pb2.CALL_END_REASON_CUSTOMER_LOST


async def test_another_token_restarts_the_minute_of_absence(core: Core) -> None:
    async with live_call(core, 6) as (call, _):
        core.rooms.all_leave()
        await scan_for(core, 55)
        await core.calls.rejoin(core.customer_id, call.call_id)
        await scan_for(core, 55)
        assert not (await core.now(call)).ended
        await scan_for(core, 15)
    assert (await core.now(call)).ended


async def test_call_that_was_never_joined_ends_with_its_token(core: Core) -> None:
    call = await core.call()
    await scan_for(core, 60)
    core.clock.advance(9 * 60)
    await core.scan()
    assert not (await core.now(call)).ended
    core.clock.advance(62)
    await core.scan()
    assert (await core.now(call)).end_reason == entry_pb2.CALL_END_REASON_CUSTOMER_LOST


async def test_no_caller_counts_as_absent_while_livekit_is_down(core: Core) -> None:
    async with live_call(core, 6) as (call, _):
        core.rooms.up = False
        await scan_for(core, 120)
        core.rooms.all_leave()  # the server restarts without participants
        core.rooms.up = True
        await scan_for(core, 30)
        assert not (await core.now(call)).ended


async def test_agent_lost_while_livekit_is_down_is_replaced_when_it_is_back(core: Core) -> None:
    call, _ = await lost_agent(core, 1)
    core.rooms.up = False
    await scan_for(core, 10)
    assert (await core.now(call)).epoch == 2
    core.rooms.up = True
    await scan_for(core, 1.25)
    assert core.rooms.asked == [2]


async def test_agents_whose_streams_end_because_the_service_drains_are_not_replaced(core: Core) -> None:
    async with live_call(core, 1) as (call, _):
        core.holds.drain()
    await scan_for(core, 10)
    assert (await core.now(call)).epoch == 1


async def test_call_that_kills_every_agent_ends(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_replacement, "MAX_EPOCH", 4)
    call = await core.call()
    core.rooms.caller_joins()
    for epoch in range(1, 4):
        writer = Writer(call.call_id, epoch, str(uuid4()))
        await core.calls.open(writer)
        with core.holds.take(writer):
            await scan_for(core, 0.5)
        await scan_for(core, 1.25)
    assert (await core.now(call)).end_reason == entry_pb2.CALL_END_REASON_NO_AGENT
    assert core.rooms.asked == [2, 3]


def during_each_room_query(
    core: Core, monkeypatch: pytest.MonkeyPatch, do: Callable[[], Awaitable[object]]
) -> None:
    """Run `do` in each query of a room, before the answer."""
    participants = core.rooms.participants

    async def asked(room: str) -> object:
        await do()
        return await participants(room)

    monkeypatch.setattr(core.rooms, "participants", asked)


async def test_last_agent_that_opens_during_a_room_query_gets_the_call(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await core.call()
    core.rooms.caller_joins()

    async def come_at_the_last_moment() -> None:
        now = await core.now(call)
        late = (core.clock.now() - now.dispatch_time).total_seconds() >= agent_replacement.patience(
            agent_replacement.MAX_DISPATCHES
        )
        if now.dispatches == agent_replacement.MAX_DISPATCHES and late:
            writer = Writer(call.call_id, now.epoch, str(uuid4()))
            await core.calls.open(writer)
            stream.enter_context(core.holds.take(writer))

    during_each_room_query(core, monkeypatch, come_at_the_last_moment)
    with ExitStack() as stream:
        await scan_for(core, 90)
        assert (await core.now(call)).state == pb.CALL_STATE_LIVE
    assert (await core.changes(call.conversation_id))[-1].startswith("AGENT_JOINED")


async def test_token_issued_during_a_room_query_can_be_used(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with live_call(core, 6) as (call, _):
        core.rooms.all_leave()
        await scan_for(core, 59)

        async def rejoin_at_the_last_moment() -> None:
            absent_since = core.supervisor._observed[call.call_id].caller.absent_since
            if (
                absent_since is not None
                and core.clock.monotonic() - absent_since > caller_absence.ABSENT_SECONDS
            ):
                await core.calls.rejoin(core.customer_id, call.call_id)

        during_each_room_query(core, monkeypatch, rejoin_at_the_last_moment)
        await scan_for(core, 12)
        assert not (await core.now(call)).ended


async def test_two_replicas_dispatch_once(core: Core) -> None:
    call = await core.call()
    core.rooms.caller_joins()
    await scan_for(core, 5, core.another())
    assert core.rooms.asked == [2]
    assert (await core.now(call)).epoch == 2


async def test_failure_in_one_call_does_not_affect_others(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    troubled, _ = await core.call(), await core.call()
    core.rooms.caller_joins()
    participants = core.rooms.participants

    async def fail_for_one(room: str) -> object:
        if room == troubled.room:
            raise ValueError("odd answer")
        return await participants(room)

    monkeypatch.setattr(core.rooms, "participants", fail_for_one)
    await scan_for(core, 5)
    assert core.rooms.asked == [2]


def test_patience_grows_to_a_limit() -> None:
    assert [agent_replacement.patience(dispatches) for dispatches in range(1, 6)] == [
        3.0,
        4.5,
        6.75,
        8.0,
        8.0,
    ]


async def test_supervisor_scans_immediately_when_a_stream_starts_or_ends(core: Core) -> None:
    _, writer = await core.held_call()
    core.rooms.caller_joins()
    async with (
        run_in_background(core.clock, calls=core.supervisor.run, lease=core.lease.run),
        asyncio.timeout(10),
    ):
        with core.holds.take(writer):
            await asyncio.sleep(0.05)
        while not core.rooms.asked:
            core.clock.advance(0.25)
            await asyncio.sleep(0.01)
    assert core.rooms.asked == [2]


async def test_supervisor_scans_immediately_when_a_call_starts(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan, scanned = core.supervisor.scan, asyncio.Semaphore(0)

    async def seen() -> bool:
        busy = await scan()
        await core.supervisor.settled()
        scanned.release()
        return busy

    monkeypatch.setattr(core.supervisor, "scan", seen)
    core.rooms.caller_joins()
    async with run_in_background(core.clock, calls=core.supervisor.run), asyncio.timeout(5):
        await scanned.acquire()
        call = await core.call()
        await scanned.acquire()  # while the clock stands still
        assert (await core.now(call)).caller_joined_time is not None
