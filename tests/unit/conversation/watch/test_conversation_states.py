"""A watcher that asks for it has each conversation's title, state and running call, however they change."""

from __future__ import annotations

from uuid import uuid4

import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from services.conversation.deletion import Deletion
from services.conversation.log.bus import Committed
from services.conversation.model.cursors import LogId, LogKind
from services.conversation.watch.backstop import poll
from services.conversation.watch.conversation_states import (
    MAX_STATES,
    NEWEST_COUNT,
    ConversationState,
    ConversationStates,
)
from services.conversation.watch.follower import CaughtUp, Ending, Start
from tests.unit.conversation.core import Core
from tests.unit.conversation.watchers import (
    Events,
    asleep,
    coming,
    entries_coming,
    entries_of,
    feed,
    until_caught_up,
    watch,
)

pytestmark = pytest.mark.unit

REQUEST = "Show flights from Chennai to Delhi"


async def state(events: Events) -> pb.Conversation:
    """Return the next event, which must be the state of a conversation."""
    event = await coming(events)
    assert isinstance(event, ConversationState), event
    assert pb.Conversation.FromString(event.data) == event.conversation
    return event.conversation


def request(core: Core) -> call_record.Draft:
    return core.said(REQUEST, speaker=entry_pb2.SPEAKER_CUSTOMER)


async def test_state_comes_after_the_stored_entries_and_after_each_change(core: Core) -> None:
    call, writer = await core.held_call()
    async with watch(core, LogId.conversation(call.conversation_id), states=True) as events:
        assert await until_caught_up(events) == [1, 2]
        first = await state(events)
        assert (first.title, first.last_entry_number) == ("", 2)
        assert (first.running_call.call_id, first.running_call.state) == (call.call_id, pb.CALL_STATE_LIVE)
        await core.append(writer, [request(core)])
        await entries_coming(events, 1)
        assert (await state(events)).title == REQUEST
        await core.append(writer, [core.said("There are two.")])
        await entries_coming(events, 1)
        await core.end(call)
        await entries_coming(
            events, 1
        )  # no state came before, because the words changed neither title nor call
        assert not (await state(events)).HasField("running_call")


async def test_last_state_of_a_conversation_comes_before_the_end(core: Core) -> None:
    conversation_id = await core.conversation()
    await core.finish(conversation_id)
    async with watch(core, LogId.conversation(conversation_id), states=True) as events:
        await until_caught_up(events)
        assert (await state(events)).state == pb.CONVERSATION_STATE_ENDED
        assert await coming(events) is Ending.CONVERSATION_ENDED


async def test_several_changes_are_one_event_for_a_slow_watcher(core: Core) -> None:
    call, writer = await core.held_call()
    log = LogId.conversation(call.conversation_id)
    async with watch(core, log, states=True) as slow, watch(core, log, states=True) as quick:
        for events in (slow, quick):
            await until_caught_up(events)
            await state(events)
        await core.append(writer, [request(core)])
        await entries_coming(quick, 1)
        assert (await state(quick)).HasField("running_call")
        await core.end(call)
        await entries_coming(slow, 2)
        last = await state(slow)
        assert (last.title, last.HasField("running_call")) == (REQUEST, False)
        async with asleep(slow):
            pass


async def test_watcher_of_all_gets_the_newest_conversations_and_then_new_and_changed_ones(core: Core) -> None:
    known = [await core.conversation() for _ in range(NEWEST_COUNT + 1)]
    async with watch(core, feed(core), states=True) as events:
        assert isinstance(await coming(events), CaughtUp)
        assert {(await state(events)).conversation_id for _ in range(NEWEST_COUNT)} == set(known[1:])
        new = await core.conversation()
        assert (await state(events)).conversation_id == new
        call = await core.call(known[0])
        assert entries_of(await coming(events))[0].conversation_id == known[0]
        changed = await state(events)
        assert (changed.conversation_id, changed.running_call.call_id) == (known[0], call.call_id)


async def test_watcher_that_does_not_ask_gets_no_state(core: Core) -> None:
    async with watch(core, feed(core)) as events:
        await until_caught_up(events)
        await core.conversation()
        async with asleep(events):
            pass


@pytest.mark.parametrize("kind", list(LogKind))
async def test_change_on_another_replica_is_found_without_its_wake_up(core: Core, kind: LogKind) -> None:
    call, writer = await core.held_call()
    log = LogId.conversation(call.conversation_id) if kind is LogKind.CONVERSATION else feed(core)
    async with watch(core, log, states=True) as events:
        await until_caught_up(events)
        assert not (await state(events)).title
        await core.another().append(writer, [request(core)])
        await poll(core.store, core.bus)
        await entries_coming(events, 1)
        assert (await state(events)).title == REQUEST


async def test_new_conversation_whose_wake_up_was_lost_is_found_after_a_new_subscription(core: Core) -> None:
    async with watch(core, feed(core), states=True) as events:
        await until_caught_up(events)
        begun = await core.another().conversation()
        await poll(core.store, core.bus, missed=True)
        assert (await state(events)).conversation_id == begun


async def test_place_in_line_goes_down_when_calls_before_it_get_an_agent(core: Core) -> None:
    other = core.another()
    other.customer_id = str(uuid4())
    earlier = await other.call()
    async with core.store.writing() as transaction:
        await transaction.change_call(earlier.key, caller_joined_time=core.clock.now())
    call = await core.call()
    async with watch(core, LogId.conversation(call.conversation_id), states=True) as events:
        await until_caught_up(events)
        assert (await state(events)).running_call.place_in_line == 2
        await other.end(earlier)
        await poll(core.store, core.bus)
        assert (await state(events)).running_call.place_in_line == 1


async def test_deleted_conversation_has_no_state_after_its_deletion(core: Core) -> None:
    conversation_id = await core.conversation()
    async with watch(core, feed(core), states=True) as events:
        await until_caught_up(events)
        await state(events)
        deletion = Deletion(core.store, core.bus, core.calls, core.clock)
        await deletion.delete(
            core.customer_id,
            pb.DeleteConversationRequest(conversation_id=conversation_id, request_id=str(uuid4())),
        )
        core.bus.committed(Committed(core.customer_id, conversation_id, 0, changed=True))  # a late wake-up
        await coming(events)
        async with asleep(events):
            pass


def test_state_that_was_read_during_a_deletion_is_not_kept() -> None:
    states = ConversationStates()
    states.mark([""])
    read = states.to_read()
    states.forget("c")
    assert not states.put(read, [pb.Conversation(conversation_id="c")])
    assert states.to_read().marks, "it is read again"
    assert states.since(0) == []


def test_conversation_that_was_marked_during_its_read_is_read_again() -> None:
    states = ConversationStates()
    states.mark(["c"])
    read = states.to_read()
    states.mark(["c"])
    assert states.put(read, [pb.Conversation(conversation_id="c")])
    assert states.to_read().marks
    assert not states.put(states.to_read(), [pb.Conversation(conversation_id="c", last_entry_number=7)])
    assert not states.to_read().marks


def test_number_of_states_is_bounded() -> None:
    states = ConversationStates()
    for number in range(MAX_STATES + 5):
        states.put(states.to_read(), [pb.Conversation(conversation_id=f"c{number}")])
    assert len(states.since(0)) == MAX_STATES


@pytest.mark.parametrize("kind", list(LogKind))
async def test_watch_from_now_gets_only_later_entries_and_a_cursor_at_once(core: Core, kind: LogKind) -> None:
    call, writer = await core.held_call()
    log = LogId.conversation(call.conversation_id) if kind is LogKind.CONVERSATION else feed(core)
    now = await core.followers.start_at(log, Start.NOW)
    await core.append(writer, [core.said("between")])
    async with watch(core, log, now) as events:
        assert [entry.utterance.text for entry in await entries_coming(events, 1)] == ["between"]
        assert isinstance(await coming(events), CaughtUp)
    now = await core.followers.start_at(log, Start.NOW)
    async with watch(core, log, now) as events:
        position, event = await anext(events)
        assert isinstance(event, CaughtUp)
    await core.append(writer, [core.said("while away")])
    async with watch(core, log, position) as events:
        assert [entry.utterance.text for entry in await entries_coming(events, 1)] == ["while away"]


async def test_watch_from_now_of_an_empty_log_gets_its_first_entry(core: Core) -> None:
    for log in (LogId.conversation(await core.conversation()), feed(core)):
        now = await core.followers.start_at(log, Start.NOW)
        async with watch(core, log, now) as events:
            assert await until_caught_up(events) == []
