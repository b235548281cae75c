"""Hints between replicas arrive unchanged, and malformed messages are refused."""

from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from services.conversation.log.bus import Committed
from services.conversation.model.entries import LogEntry
from services.conversation.watch.hints import (
    ORIGIN_BYTES,
    CallHint,
    CaptionHint,
    Hint,
    origin_prefix,
    pack_hints,
    unpack_hints,
)
from services.conversation.watch.live_captions import Caption

pytestmark = pytest.mark.unit

ORIGIN = b"a-origin"
IDS = st.uuids().map(str)
MICROS = st.integers(-(2**50), 2**60)
ENTRIES = st.builds(
    LogEntry,
    st.uuids().map(lambda made: made.bytes),
    st.integers(8, 15),
    st.sampled_from(entry_pb2.Speaker.values()),
    MICROS,
    MICROS,
    st.binary(max_size=300),
    number=st.integers(1, 2**63),
    call_id=st.none() | IDS,
    commit_micros=MICROS,
    late=st.booleans(),
    call_epoch=st.integers(0, 40),
    feed_position=st.integers(0, 2**63),
)
COMMITS = st.builds(
    Committed,
    IDS,
    IDS,
    st.integers(0, 2**63),
    st.integers(0, 2**63),
    st.lists(ENTRIES, max_size=4),
    sealed=st.lists(IDS, max_size=5),
    ended=st.booleans(),
    deleted=st.booleans(),
    changed=st.booleans(),
)
SPEECHES = st.builds(
    call_record.OpenUtterance, utterance_id=IDS, text=st.text(max_size=200), revision=st.integers(0, 2**40)
)
SPOKEN = st.builds(CaptionHint, IDS, st.builds(Caption, IDS, SPEECHES))
HINTS = st.lists(st.one_of(COMMITS, SPOKEN, st.builds(CallHint, IDS)), max_size=8)


@given(HINTS)
def test_hints_arrive_as_they_were_sent_and_in_order(hints: list[Hint]) -> None:
    assert list(unpack_hints(pack_hints(ORIGIN, hints))) == hints


def test_origin_comes_first_so_that_a_process_recognises_its_own_messages() -> None:
    assert len(ORIGIN) == ORIGIN_BYTES
    assert pack_hints(ORIGIN, [CallHint(str(uuid4()))]).startswith(origin_prefix(ORIGIN))


def test_commit_without_its_entries_is_small() -> None:
    committed = Committed(str(uuid4()), str(uuid4()), 7, 9)
    assert len(pack_hints(ORIGIN, [committed])) < 70


@given(COMMITS, st.integers(1, 400))
def test_truncated_commit_is_refused_entirely(commit: Committed, cut: int) -> None:
    message = pack_hints(ORIGIN, [commit])
    short = message[: max(len(origin_prefix(ORIGIN)) + 1, len(message) - cut)]
    with pytest.raises(ValueError, match="Error parsing message"):
        list(unpack_hints(short))


def test_hint_of_a_kind_that_a_newer_replica_sends_is_skipped() -> None:
    message = pack_hints(ORIGIN, [call := CallHint(str(uuid4()))])
    newer = b"\x12\x05\x7a\x03new"  # field 2 of the batch: a hint with field 15
    assert list(unpack_hints(message + newer + message)) == [call, call]


@given(st.binary(max_size=80), HINTS)
def test_garbage_is_refused_or_skipped_and_breaks_nothing(garbage: bytes, hints: list[Hint]) -> None:
    for message in (garbage, origin_prefix(ORIGIN) + garbage, pack_hints(ORIGIN, hints)[:-1]):
        try:
            list(unpack_hints(message))
        except ValueError:
            continue
