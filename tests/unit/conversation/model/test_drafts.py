"""Drafts: which are accepted, and how they come back from a row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from mesh.clock import timestamp
from mesh.errors import InvalidRequest
from mesh.ids import uuid_text
from services.conversation.model.drafts import check_draft, is_uuid
from services.conversation.model.entries import (
    KINDS,
    NAMES,
    LogEntry,
    Revision,
    entry_message,
    id_bytes,
    open_utterance_message,
    pack,
)
from services.conversation.model.times import instant, micros_of

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
TEXT = st.text(max_size=200).filter(lambda text: "\x00" not in text)


def utterance(entry_id: str, text: str = "hello") -> entry_pb2.Utterance:
    return entry_pb2.Utterance(
        utterance_id=entry_id,
        speaker=entry_pb2.SPEAKER_CUSTOMER,
        modality=entry_pb2.MODALITY_TEXT,
        text=text,
        generated_text="hello there",
        sealing=entry_pb2.SEALING_INTERRUPTED,
        locale="en-IN",
    )


def draft_of(content: Message, entry_id: str | None = None) -> call_record.Draft:
    draft = call_record.Draft(
        client_sequence=1,
        entry_id=entry_id or str(uuid4()),
        start_time=timestamp(NOW),
        end_time=timestamp(NOW),
    )
    names = {
        "Utterance": "utterance",
        "OpenUtterance": "open_utterance",
        "ToolCall": "tool_call",
        "ToolResult": "tool_result",
    }
    getattr(draft, names[content.DESCRIPTOR.name]).CopyFrom(content)
    return draft


def stored(entry: LogEntry) -> LogEntry:
    return replace(entry, number=7, commit_micros=micros_of(NOW))


def taken(draft: call_record.Draft) -> LogEntry:
    entry = check_draft(draft)
    assert isinstance(entry, LogEntry)
    return entry


@given(text=TEXT)
def test_utterance_is_unchanged_by_its_row(text: str) -> None:
    entry_id = str(uuid4())
    message = entry_message(str(uuid4()), stored(taken(draft_of(utterance(entry_id, text), entry_id))))
    assert message.utterance == utterance(entry_id, text)


@given(text=TEXT, number=st.floats(allow_nan=False, allow_infinity=False), flag=st.booleans())
def test_tool_entries_keep_their_values(text: str, number: float, flag: bool) -> None:
    values: dict[str, Any] = {
        "text": text,
        "number": number,
        "flag": flag,
        "nothing": None,
        "list": [text, {"deep": number}],
    }
    call = entry_pb2.ToolCall(tool_call_id=str(uuid4()), name="search_flights")
    call.other.update(values)
    result = entry_pb2.ToolResult(
        tool_call_id=call.tool_call_id, name="search_flights", outcome=entry_pb2.TOOL_OUTCOME_FOUND
    )
    result.other.update(values)
    assert entry_message("", stored(taken(draft_of(call)))).tool_call == call
    assert entry_message("", stored(taken(draft_of(result)))).tool_result == result


def test_same_draft_has_the_same_fingerprint_and_any_change_another() -> None:
    entry_id = str(uuid4())
    draft = draft_of(utterance(entry_id), entry_id)
    fingerprint = taken(draft).fingerprint
    again = draft_of(utterance(entry_id), entry_id)
    again.client_sequence = 99
    assert taken(again).fingerprint == fingerprint, "the writer's own sequence is not part of the entry"
    for changed in (utterance(entry_id, "hello!"), utterance(entry_id)):
        other = draft_of(changed, entry_id)
        if changed.text == "hello":
            other.end_time.nanos += 1000
        assert taken(other).fingerprint != fingerprint


def test_map_s_order_does_not_change_the_fingerprint() -> None:
    entry_id, tool_call_id = str(uuid4()), str(uuid4())
    prints = set()
    for keys in (["origin", "destination", "date"], ["date", "destination", "origin"]):
        call = entry_pb2.ToolCall(tool_call_id=tool_call_id, name="search_flights")
        for key in keys:
            call.other[key] = key.upper()
        prints.add(taken(draft_of(call, entry_id)).fingerprint)
    assert len(prints) == 1


def test_open_utterance_needs_no_end() -> None:
    entry_id = str(uuid4())
    speech = call_record.OpenUtterance(
        utterance_id=entry_id,
        speaker=entry_pb2.SPEAKER_AGENT,
        modality=entry_pb2.MODALITY_VOICE,
        text="There",
        revision=1,
    )
    draft = draft_of(speech, entry_id)
    draft.ClearField("end_time")
    assert check_draft(draft) == Revision(
        id_bytes(entry_id), entry_pb2.SPEAKER_AGENT, 1, micros_of(NOW), pack(speech)
    )


def test_open_utterance_keeps_its_id_and_start() -> None:
    entry_id = str(uuid4())
    content = call_record.OpenUtterance(
        speaker=entry_pb2.SPEAKER_AGENT, text="There", revision=4
    ).SerializeToString()
    message = open_utterance_message(
        Revision(id_bytes(entry_id), entry_pb2.SPEAKER_AGENT, 4, micros_of(NOW), content)
    )
    assert (message.utterance_id, message.text, message.revision) == (entry_id, "There", 4)
    assert instant(message.start_time) == NOW


def test_ids_are_kept_in_lower_case() -> None:
    entry_id = str(uuid4()).upper()
    assert uuid_text(taken(draft_of(utterance(entry_id), entry_id)).entry_id) == entry_id.lower()


@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        (lambda draft: draft.ClearField("utterance"), "content"),
        (lambda draft: setattr(draft.utterance, "text", "x" * 20_001), "utterance.text"),
        (lambda draft: setattr(draft.utterance, "speaker", 9), "utterance.speaker"),
        (lambda draft: setattr(draft.utterance, "sealing", 0), "utterance.sealing"),
        (lambda draft: setattr(draft, "entry_id", "mine"), "entry_id"),
        (lambda draft: draft.ClearField("end_time"), "end_time"),
    ],
)
def test_draft_that_breaks_a_rule_is_refused_with_the_field_s_name(spoil: object, field: str) -> None:
    entry_id = str(uuid4())
    draft = draft_of(utterance(entry_id), entry_id)
    assert callable(spoil)
    spoil(draft)
    with pytest.raises(InvalidRequest) as caught:
        check_draft(draft)
    assert field in [violation.field for violation in caught.value.violations]


def test_every_content_has_a_kind_and_back() -> None:
    assert (
        {NAMES[number] for number in KINDS.values()}
        == set(KINDS)
        == {"utterance", "tool_call", "tool_result", "state_change"}
    )


@given(st.text(max_size=40))
def test_only_uuids_pass_for_uuids(text: str) -> None:
    assert not is_uuid(text) or len(text) == 36


@given(st.uuids())
def test_uuids_do_pass(uuid: object) -> None:
    assert is_uuid(str(uuid))
    assert is_uuid(str(uuid).upper())
