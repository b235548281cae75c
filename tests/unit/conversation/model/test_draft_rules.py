"""The fast validation of drafts: it accepts agents' usual drafts, and nothing that the contract refuses."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import protovalidate
import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from mesh.errors import InvalidRequest
from services.conversation.model import drafts
from services.conversation.model.drafts import check_draft

pytestmark = pytest.mark.unit

ID = str(uuid4())
IDS = st.sampled_from(
    [ID, ID, ID, ID.upper(), str(uuid4()), "", "mine", ID[:-1], ID + "0", ID.replace("-", ""), f"{ID}\n"]
)
TEXTS = st.one_of(
    st.text(max_size=5), st.sampled_from(["x" * 20_000, "x" * 20_001, "न" * 20_000, "🛫" * 20_001])
)
LOCALES = st.sampled_from(["", "en-IN", "x" * 35, "x" * 36])
ENUMS = st.integers(-1, 5)
STAMPS = st.one_of(
    st.none(),
    st.tuples(
        st.sampled_from([0, 1, 1_790_000_000, -62_135_596_801, 253_402_300_800, -(1 << 62)]),
        st.sampled_from([0, 999_999_999, 1_000_000_000, -1]),
    ),
)
DIGESTS = st.sampled_from(["", "", "a1" * 32, "A1" * 32, "a1" * 31])
DELIVERIES = st.one_of(
    st.none(),
    st.builds(
        entry_pb2.Delivery,
        characters=st.sampled_from([-1, 0, 3, 20_001]),
        play_time=STAMPS.map(lambda stamp: stamp and Timestamp(seconds=stamp[0], nanos=stamp[1])),
    ),
)
UTTERANCES = st.builds(
    entry_pb2.Utterance,
    utterance_id=IDS,
    speaker=ENUMS,
    modality=ENUMS,
    text=TEXTS,
    generated_text=TEXTS,
    sealing=ENUMS,
    locale=LOCALES,
    completes_utterance_id=IDS,
    readback_of=DIGESTS,
    second_question_of=DIGESTS,
    delivered_through=DELIVERIES,
    word_confidences=st.lists(st.sampled_from([-0.1, 0.0, 0.5, 1.0, 1.1, float("nan")]), max_size=3)
    | st.just([0.5] * 10_001),
)
OPEN_UTTERANCES = st.builds(
    call_record.OpenUtterance,
    utterance_id=IDS,
    speaker=ENUMS,
    modality=ENUMS,
    text=TEXTS,
    revision=st.integers(-2, 2),
)
TOOL_CALLS = st.builds(
    entry_pb2.ToolCall, tool_call_id=IDS, name=st.sampled_from(["", "search_flights", "x" * 64, "x" * 65])
)
TOOL_RESULTS = st.builds(
    entry_pb2.ToolResult,
    tool_call_id=IDS,
    name=st.sampled_from(["", "search_flights"]),
    outcome=ENUMS,
)
FIELDS = {
    "Utterance": "utterance",
    "OpenUtterance": "open_utterance",
    "ToolCall": "tool_call",
    "ToolResult": "tool_result",
}


@st.composite
def any_draft(draw: st.DrawFn) -> call_record.Draft:
    """A draft with any field valid or invalid."""
    draft = call_record.Draft(client_sequence=draw(st.integers(-1, 3)), entry_id=draw(IDS))
    for field, stamp in (("start_time", draw(STAMPS)), ("end_time", draw(STAMPS))):
        if stamp is not None:
            getattr(draft, field).seconds, getattr(draft, field).nanos = stamp
    content: Message | None = draw(
        st.one_of(st.none(), UTTERANCES, OPEN_UTTERANCES, TOOL_CALLS, TOOL_RESULTS)
    )
    if content is not None:
        held: Any = getattr(draft, FIELDS[content.DESCRIPTOR.name])
        held.SetInParent()
        held.MergeFrom(content)
    return draft


def keeps_the_contract(draft: call_record.Draft) -> bool:
    try:
        protovalidate.validate(draft)
    except protovalidate.ValidationError:
        return False
    return True


@settings(deadline=None)  # the rules are compiled at their first use
@given(any_draft())
def test_fast_validation_accepts_nothing_that_the_contract_refuses(draft: call_record.Draft) -> None:
    content: Message = getattr(draft, draft.WhichOneof("content") or "utterance")
    if drafts._surely_valid(draft, content):
        assert keeps_the_contract(draft)


@settings(deadline=None)
@given(any_draft())
def test_every_draft_becomes_an_entry_or_a_refusal(draft: call_record.Draft) -> None:
    try:
        check_draft(draft)
    except InvalidRequest as refused:
        assert refused.violations  # noqa: PT017 -- either way is fine
    else:
        assert keeps_the_contract(draft)


def good(content: Message) -> call_record.Draft:
    draft = call_record.Draft(client_sequence=1, entry_id=ID)
    draft.start_time.seconds = draft.end_time.seconds = 1_790_000_000
    getattr(draft, FIELDS[content.DESCRIPTOR.name]).CopyFrom(content)
    return draft


@settings(deadline=None)
@given(
    text=st.text(max_size=30),
    generated=st.text(max_size=30),
    sealing=st.integers(1, 3),
    side=st.integers(1, 2),
)
def test_usual_drafts_of_agents_pass_the_fast_validation(
    text: str, generated: str, sealing: Any, side: Any
) -> None:
    sealed = entry_pb2.Utterance(
        utterance_id=ID,
        speaker=side,
        modality=entry_pb2.MODALITY_VOICE,
        text=text,
        generated_text=generated,
        sealing=sealing,
    )
    growing = call_record.OpenUtterance(
        utterance_id=ID, speaker=side, modality=entry_pb2.MODALITY_TEXT, text=text, revision=7
    )
    for content in (sealed, growing):
        assert drafts._surely_valid(good(content), content)


ENUM_FIELDS = {
    entry_pb2.Utterance: ("speaker", "modality", "sealing"),
    call_record.OpenUtterance: ("speaker", "modality"),
    entry_pb2.ToolResult: ("outcome",),
}


@pytest.mark.parametrize("kind", ENUM_FIELDS)
def test_writers_may_use_every_known_value_of_an_enum_and_no_other(kind: type[Message]) -> None:
    named = {"tool_call_id": ID, "name": "x"} if kind is entry_pb2.ToolResult else {"utterance_id": ID}
    for field in ENUM_FIELDS[kind]:
        enum = kind.DESCRIPTOR.fields_by_name[field].enum_type
        assert enum is not None
        values = sorted(enum.values_by_number)
        for value in range(-1, values[-1] + 2):
            content = kind(**named, **dict.fromkeys(ENUM_FIELDS[kind], 1) | {field: value})
            expected = [] if value in values[1:] else [f"{FIELDS[kind.DESCRIPTOR.name]}.{field}"]
            assert refused_fields(good(content)) == expected


def refused_fields(draft: call_record.Draft) -> list[str]:
    try:
        check_draft(draft)
    except InvalidRequest as error:
        return [violation.field for violation in error.violations]
    return []


def test_readers_accept_values_of_newer_services() -> None:
    newer: Any = 9
    spoken = entry_pb2.Utterance(utterance_id=ID, speaker=newer, modality=newer, sealing=newer)
    result = entry_pb2.ToolResult(tool_call_id=ID, name="x", outcome=99)  # type: ignore[arg-type]  # a newer one
    change = entry_pb2.StateChange(kind=99)  # type: ignore[arg-type]  # a newer one
    for entry in (
        entry_pb2.Entry(utterance=spoken),
        entry_pb2.Entry(tool_result=result),
        entry_pb2.Entry(state_change=change),
    ):
        protovalidate.validate(entry)


def test_fast_validation_considers_every_field() -> None:
    """A field that is added to the contract must be added there too, or at least be considered here."""
    assert {field.name for field in entry_pb2.Utterance.DESCRIPTOR.fields} == {
        "utterance_id",
        "speaker",
        "modality",
        "text",
        "generated_text",
        "sealing",
        "locale",
        "completes_utterance_id",
        "readback_of",
        "second_question_of",
        "delivered_through",
        "word_confidences",
    }
    assert {field.name for field in call_record.OpenUtterance.DESCRIPTOR.fields} == {
        "utterance_id",
        "speaker",
        "modality",
        "text",
        "revision",
        "start_time",
    }
    assert {field.name for field in call_record.Draft.DESCRIPTOR.fields} == {
        "client_sequence",
        "entry_id",
        "start_time",
        "end_time",
        "open_utterance",
        "utterance",
        "tool_call",
        "tool_result",
    }


def test_client_s_outbox_is_within_what_the_log_recognises() -> None:
    from services.conversation.client.outbox import CAPACITY
    from services.conversation.model.log_state import RECOGNISED

    assert 4 * CAPACITY <= RECOGNISED
