"""The log's promises: numbered without gaps, stored once, open utterances replaced and sealed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from readback.conversation.v1 import entry_pb2

from mesh.errors import InvalidRequest
from services.conversation.errors import CallNotFound, ConversationEnded, EntryConflict, StaleEpoch
from services.conversation.log.transcript_log import Refused, Stored
from services.conversation.log.writer_fence import Writer

if TYPE_CHECKING:
    from tests.unit.conversation.core import Core

pytestmark = pytest.mark.unit


async def test_entries_are_numbered_without_gaps_across_appends(core: Core) -> None:
    call, writer = await core.held_call()
    for turn in range(3):
        await core.append(writer, [core.said(f"{turn}a"), core.said(f"{turn}b")])
    assert [entry.number for entry in await core.entries(call.conversation_id)] == list(range(1, 9))


async def test_numbers_of_one_conversation_do_not_touch_another(core: Core) -> None:
    (one, first), (other, second) = await core.held_call(), await core.held_call()
    for writer in (first, second, first):
        await core.append(writer, [core.said("hello")])
    assert [entry.number for entry in await core.entries(one.conversation_id)] == [1, 2, 3, 4]
    assert [entry.number for entry in await core.entries(other.conversation_id)] == [1, 2, 3]


async def test_retried_entry_is_stored_once_and_keeps_its_number(core: Core) -> None:
    call, writer = await core.held_call()
    draft = core.said("Hello, where to?")
    (first,) = await core.append(writer, [draft])
    await core.append(writer, [core.said("more")])
    assert await core.append(writer, [draft]) == [first]
    assert len(await core.utterances(call.conversation_id)) == 2


async def test_entry_twice_in_one_append_is_stored_once(core: Core) -> None:
    call, writer = await core.held_call()
    draft = core.said("Hello")
    assert await core.append(writer, [draft, draft]) == [Stored(1, 3), Stored(1, 3)]
    assert len(await core.utterances(call.conversation_id)) == 1


async def test_same_id_with_another_payload_is_a_conflict_that_names_the_entry(core: Core) -> None:
    _, writer = await core.held_call()
    entry_id = str(uuid4())
    await core.append(writer, [core.said("yes", entry_id=entry_id)])
    (refused,) = await core.append(writer, [core.said("no", entry_id=entry_id)])
    assert isinstance(refused, Refused)
    assert isinstance(refused.error, EntryConflict)
    assert refused.error.metadata == {"number": "3"}


async def test_refused_draft_leaves_no_gap_and_fails_no_other(core: Core) -> None:
    call, writer = await core.held_call()
    bad = core.said("no end")
    bad.ClearField("end_time")
    outcomes = await core.append(writer, [core.said("before"), bad, core.said("after")])
    assert [type(outcome) for outcome in outcomes] == [Stored, Refused, Stored]
    assert [text for text, _ in await core.utterances(call.conversation_id)] == ["before", "after"]
    assert [entry.number for entry in await core.entries(call.conversation_id)] == [1, 2, 3, 4]


@pytest.mark.parametrize("field", ["start_time", "entry_id", "client_sequence"])
async def test_draft_without_a_field_is_refused_by_the_name_of_the_field(core: Core, field: str) -> None:
    _, writer = await core.held_call()
    draft = core.said("hello")
    draft.ClearField(field)  # type: ignore[arg-type]  # each is a field of Draft
    (refused,) = await core.append(writer, [draft])
    assert isinstance(refused, Refused)
    assert isinstance(refused.error, InvalidRequest)
    assert refused.error.violations[0].field == field


async def test_utterance_under_a_foreign_entry_id_is_refused(core: Core) -> None:
    _, writer = await core.held_call()
    draft = core.said("hello")
    draft.entry_id = str(uuid4())
    (refused,) = await core.append(writer, [draft])
    assert isinstance(refused, Refused)


async def test_utterance_that_ends_before_it_begins_is_refused(core: Core) -> None:
    _, writer = await core.held_call()
    draft = core.said("hello")
    draft.end_time.seconds -= 1
    (refused,) = await core.append(writer, [draft])
    assert isinstance(refused, Refused)


async def test_append_all_stores_nothing_when_one_draft_is_bad(core: Core) -> None:
    call, writer = await core.held_call()
    bad = core.said("no end")
    bad.ClearField("end_time")
    with pytest.raises(InvalidRequest):
        await core.log.append_all(writer, [core.said("good"), bad])
    assert await core.utterances(call.conversation_id) == []


async def test_open_utterance_has_no_number_until_it_is_sealed(core: Core) -> None:
    call, writer = await core.held_call()
    entry_id = str(uuid4())
    assert await core.append(writer, [core.saying("Hel", 1, entry_id=entry_id)]) == [Stored(1, 0)]
    assert await core.utterances(call.conversation_id) == []
    assert await core.append(writer, [core.said("Hello.", entry_id=entry_id)]) == [Stored(1, 3)]
    await core.end(call)
    assert await core.utterances(call.conversation_id) == [("Hello.", "FINAL")]


async def test_latest_revision_of_an_open_utterance_wins(core: Core) -> None:
    call, writer = await core.held_call()
    entry_id = str(uuid4())
    for text, revision in [("There are", 1), ("There are three", 3), ("There are th", 2)]:
        await core.append(writer, [core.saying(text, revision, entry_id=entry_id)])
    await core.end(call)
    assert await core.utterances(call.conversation_id) == [("There are three", "TRUNCATED")]


async def test_open_utterances_are_sealed_in_the_same_order_by_every_process(
    core: Core,
) -> None:
    """One process learned of the second utterance first; another read both."""
    for seals in (core, core.another()):
        call, writer = await core.held_call()
        first, second = (
            core.saying("One", 1, entry_id=str(uuid4())),
            core.saying("Two", 1, entry_id=str(uuid4())),
        )
        second.start_time.seconds += 1
        await core.append(writer, [second, first])
        await seals.end(call)
        assert await core.utterances(call.conversation_id) == [("One", "TRUNCATED"), ("Two", "TRUNCATED")]


async def test_revision_that_comes_after_the_seal_changes_nothing(core: Core) -> None:
    call, writer = await core.held_call()
    entry_id = str(uuid4())
    await core.append(writer, [core.said("Hello.", entry_id=entry_id)])
    assert await core.append(writer, [core.saying("Hel", 9, entry_id=entry_id)]) == [Stored(1, 0)]
    await core.end(call)
    assert await core.utterances(call.conversation_id) == [("Hello.", "FINAL")]


async def test_open_utterance_without_words_leaves_no_entry(core: Core) -> None:
    call, writer = await core.held_call()
    await core.append(writer, [core.saying("", 1, entry_id=str(uuid4()))])
    await core.end(call)
    assert await core.utterances(call.conversation_id) == []


async def test_open_utterances_are_sealed_before_the_end_of_the_call(core: Core) -> None:
    call, writer = await core.held_call()
    await core.append(writer, [core.saying("Good", 1, entry_id=str(uuid4()))])
    await core.end(call)
    contents = [entry.WhichOneof("content") for entry in await core.entries(call.conversation_id)]
    assert contents == ["state_change", "state_change", "utterance", "state_change"]


async def test_content_is_read_as_it_was_appended(core: Core) -> None:
    call, writer = await core.held_call()
    tool_call = entry_pb2.ToolCall(tool_call_id=str(uuid4()), name="search_flights")
    tool_call.other.update({"origin": "MAA", "passengers": 2, "nonstop": None})
    draft = core.said("")
    draft.tool_call.CopyFrom(tool_call)
    await core.append(writer, [draft])
    (stored,) = [entry for entry in await core.entries(call.conversation_id) if entry.HasField("tool_call")]
    assert stored.tool_call == tool_call
    assert stored.entry_id == draft.entry_id
    assert stored.call_id == call.call_id
    assert stored.start_time == draft.start_time


async def test_title_is_what_the_customer_first_asked_for(core: Core) -> None:
    call, writer = await core.held_call()
    for text in ("Hello", "Show me flights to Delhi", "And to Goa"):
        await core.append(writer, [core.said(text, speaker=entry_pb2.SPEAKER_CUSTOMER)])
    async with core.store.reading() as transaction:
        conversation = await transaction.conversation(call.conversation_id)
    assert conversation is not None
    assert conversation.title == "Show me flights to Delhi"


async def test_times_of_the_log_never_go_back_with_the_clock(core: Core) -> None:
    call, writer = await core.held_call()
    core.clock.advance(60)
    await core.append(writer, [core.said("one")])
    core.clock.advance(-30)
    await core.append(writer, [core.said("two")])
    times = [entry.commit_time.ToDatetime() for entry in await core.entries(call.conversation_id)]
    assert times == sorted(times)


async def test_late_entry_is_stored_and_marked(core: Core) -> None:
    call, writer = await core.held_call()
    await core.end(call)
    await core.log.append_all(writer, [core.said("I was about to say")])
    last = (await core.entries(call.conversation_id))[-1]
    assert last.late
    assert last.utterance.text == "I was about to say"


async def test_open_utterance_cannot_be_late(core: Core) -> None:
    call, writer = await core.held_call()
    await core.end(call)
    with pytest.raises(StaleEpoch):
        await core.log.append_all(writer, [core.saying("I am", 1, entry_id=str(uuid4()))])


async def test_ended_conversation_takes_no_more_entries(core: Core) -> None:
    call, writer = await core.held_call()
    await core.end(call)
    await core.finish(call.conversation_id)
    with pytest.raises(ConversationEnded):
        await core.log.append_all(writer, [core.said("too late")])


async def test_many_calls_of_one_customer_are_written_concurrently(core: Core) -> None:
    held = [await core.held_call() for _ in range(5)]
    for writers in (held[:2], held[1:4], held, held[::-2]):
        await asyncio.gather(*(core.append(writer, [core.said("side by side")]) for _, writer in writers))
    counts = [len(await core.utterances(call.conversation_id)) for call, _ in held]
    assert counts == [3, 3, 3, 2, 2]
    with pytest.raises(CallNotFound):
        await core.append(Writer(str(uuid4()), 1, str(uuid4())), [core.said("in no call")])
