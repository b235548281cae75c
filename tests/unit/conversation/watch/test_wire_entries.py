"""Entries joined from bytes equal serialized messages; batches hold all of them, in order, within bounds."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.storage.v1 import page_pb2

from mesh.ids import uuid_text
from services.conversation.model.chunks import Chunk, Packing
from services.conversation.model.entries import (
    EVERYTHING,
    KINDS,
    EntryFilter,
    LogEntry,
    entry_message,
    pack,
)
from services.conversation.watch import wire_entries
from services.conversation.watch.wire_entries import (
    DELETION,
    Deleted,
    WireEntry,
    batches,
    deletion,
    delimited,
    wire_entries_after,
    wire_entry,
)

pytestmark = pytest.mark.unit

CONVERSATION, CALL = str(uuid4()), str(uuid4())
MICROS = st.integers(0, 4_000_000_000_000_000)
TEXT = st.text(max_size=300)
UTTERANCES = st.builds(
    entry_pb2.Utterance,
    speaker=st.sampled_from([1, 2]),
    text=TEXT,
    generated_text=TEXT,
    sealing=st.sampled_from([1, 2, 3]),
)


def tool_call(name: str, arguments: dict[str, str]) -> entry_pb2.ToolCall:
    call = entry_pb2.ToolCall(tool_call_id=str(uuid4()), name=name)
    call.other.update(arguments)
    return call


CONTENTS = st.one_of(
    UTTERANCES,
    st.builds(tool_call, TEXT, st.dictionaries(TEXT, TEXT, max_size=3)),
    st.builds(entry_pb2.ToolResult, name=TEXT, outcome=st.sampled_from([1, 2, 3])),
    st.builds(entry_pb2.StateChange, kind=st.sampled_from([1, 2, 3]), epoch=st.integers(0, 9)),
)
NAMES: Mapping[type[Message], str] = {
    entry_pb2.Utterance: "utterance",
    entry_pb2.ToolCall: "tool_call",
    entry_pb2.ToolResult: "tool_result",
}


def stored(
    content: Message, number: int, start: int, end: int, commit: int, late: bool, call_id: str | None
) -> LogEntry:
    speaker = content.speaker if isinstance(content, entry_pb2.Utterance) else entry_pb2.SPEAKER_UNSPECIFIED
    return LogEntry(
        number=number,
        entry_id=uuid4().bytes,
        call_id=call_id,
        kind=KINDS[NAMES.get(type(content), "state_change")],
        speaker=speaker,
        start_micros=start,
        end_micros=end,
        commit_micros=commit,
        late=late,
        call_epoch=number % 3,
        content=pack(content),
    )


ENTRIES = st.builds(
    stored,
    CONTENTS,
    st.integers(1, 2**40),
    MICROS,
    MICROS,
    MICROS,
    st.booleans(),
    st.sampled_from([None, CALL]),
)


@given(ENTRIES)
def test_entry_just_committed_is_the_contract_s_message(entry: LogEntry) -> None:
    step = wire_entry(CONVERSATION, entry)
    assert entry_pb2.Entry.FromString(step.data) == entry_message(CONVERSATION, entry)
    assert (step.position, step.number, step.id, step.kind, step.speaker) == (entry.number,) * 2 + (
        uuid_text(entry.entry_id),
        entry.kind,
        entry.speaker,
    )


@given(
    st.lists(
        st.builds(
            page_pb2.Item,
            entry_id=st.uuids().map(lambda made: made.bytes),
            kind=st.sampled_from([9, 12]),
            speaker=st.integers(0, 2),
            commit_offset=st.integers(0, 10**9),
            start_offset=st.integers(-(10**9), 10**9),
            length=st.integers(0, 10**9),
            late=st.booleans(),
            call_epoch=st.integers(0, 40),
            content=UTTERANCES.map(pack),
        ),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, 12),
)
def test_chunk_read_for_watchers_has_the_same_entries_as_any_other_read(
    items: list[page_pb2.Item], after: int
) -> None:
    for item in items:
        if item.kind != KINDS["utterance"]:
            item.content = pack(entry_pb2.StateChange(kind=entry_pb2.STATE_CHANGE_KIND_CALL_STARTED))
    row = Chunk(1, 4, 2, 1_790_000_000_000_000, Packing.PLAIN, page_pb2.Page(items=items).SerializeToString())
    steps = list(wire_entries_after(CONVERSATION, row, CALL, after, offset=100))
    expected = [entry_message(CONVERSATION, entry) for entry in row.entries(CALL) if entry.number > after]
    assert [entry_pb2.Entry.FromString(step.data) for step in steps] == expected
    assert [step.position for step in steps] == [entry.number + 100 for entry in expected]


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152])
def test_field_of_any_size_is_encoded_as_protobuf_does(size: int) -> None:
    assert (
        delimited(3, b"x" * size)
        == (b"" if not size else pb.ExportTranscriptResponse(data=b"x" * size).SerializeToString())
        or size == 0
    )
    assert pb.ExportTranscriptResponse.FromString(delimited(3, b"x" * size)).data == b"x" * size


def step(position: int, size: int = 10, kind: int = 9, speaker: int = 1) -> WireEntry:
    return (
        deletion(position, CONVERSATION)
        if kind == DELETION
        else WireEntry(position, CONVERSATION, position, CALL, kind, speaker, b"x" * size)
    )


@given(
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from([DELETION, 9, 10])), max_size=30),
    st.integers(1, 100),
    st.booleans(),
)
def test_batches_hold_all_wanted_entries_in_order_and_stay_small(
    shapes: list[tuple[int, int]], most: int, choosy: bool
) -> None:
    steps = [step(place, size, kind) for place, (size, kind) in enumerate(shapes, 1)]
    chosen = EntryFilter(kinds=frozenset({9})) if choosy else EVERYTHING
    kept, wire_entries.BATCH_BYTES = wire_entries.BATCH_BYTES, most
    try:
        found = list(batches(steps, chosen))
    finally:
        wire_entries.BATCH_BYTES = kept
    positions: list[int] = []
    for last, event in found:
        if isinstance(event, Deleted):
            positions.append(last.position)
        else:
            positions += [entry.position for entry in event]
            assert last is event[-1]
            assert len(event) == 1 or sum(len(entry.data) for entry in event) <= most
    assert positions == [
        entry.position for entry in steps if entry.kind == DELETION or not choosy or entry.kind == 9
    ]
