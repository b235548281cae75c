"""The recorder's outbox: ordered, bounded, and no draft is dropped before its ack."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from services.conversation.client.outbox import MOST_SENT_BYTES, Outbox, OutboxFull

pytestmark = pytest.mark.unit


def sealed(entry_id: str) -> call_record.Draft:
    return call_record.Draft(
        entry_id=entry_id, utterance=entry_pb2.Utterance(utterance_id=entry_id, text="all of it")
    )


def opened(entry_id: str, revision: int) -> call_record.Draft:
    return call_record.Draft(
        entry_id=entry_id, open_utterance=call_record.OpenUtterance(utterance_id=entry_id, revision=revision)
    )


async def test_drafts_are_numbered_and_sent_in_order() -> None:
    outbox = Outbox()
    for entry_id in "abc":
        outbox.put(sealed(entry_id))
    assert [(draft.entry_id, draft.client_sequence) for draft in outbox.take(2)] == [("a", 1), ("b", 2)]
    assert [(draft.entry_id, draft.client_sequence) for draft in outbox.take(2)] == [("c", 3)]


async def test_only_the_latest_revision_waits() -> None:
    outbox = Outbox()
    for revision in range(1, 100):
        outbox.put(opened("a", revision))
    (draft,) = outbox.take(10)
    assert draft.open_utterance.revision == 99


async def test_seal_replaces_revisions_that_were_not_sent() -> None:
    outbox = Outbox()
    outbox.put(opened("a", 1))
    outbox.put(sealed("a"))
    (draft,) = outbox.take(10)
    assert draft.HasField("utterance")


async def test_unacked_drafts_are_sent_again_with_their_numbers_before_new_ones() -> None:
    outbox = Outbox()
    for entry_id in "abc":
        outbox.put(sealed(entry_id))
    outbox.take(10)
    outbox.settle(1)
    outbox.put(sealed("d"))
    outbox.resend()
    assert [(draft.entry_id, draft.client_sequence) for draft in outbox.take(10)] == [
        ("b", 2),
        ("c", 3),
        ("d", 4),
    ]


async def test_sent_revision_is_not_sent_again_when_a_newer_one_waits() -> None:
    outbox = Outbox()
    outbox.put(opened("a", 1))
    outbox.take(1)
    outbox.put(sealed("a"))
    outbox.resend()
    assert [draft.WhichOneof("content") for draft in outbox.take(10)] == ["utterance"]


async def test_full_outbox_raises_and_keeps_its_drafts() -> None:
    outbox = Outbox(capacity=2)
    outbox.put(sealed("a"))
    outbox.put(opened("b", 1))
    with pytest.raises(OutboxFull):
        outbox.put(sealed("c"))
    outbox.put(opened("b", 2))  # needs no more space
    assert len(outbox) == 2


async def test_wait_empty_returns_only_when_all_is_settled() -> None:
    outbox = Outbox()
    await outbox.wait_empty()
    outbox.put(sealed("a"))
    outbox.take(1)
    waiting = outbox.wait_empty()
    outbox.settle(1)
    await waiting


async def test_drain_returns_all_unsettled_drafts() -> None:
    outbox = Outbox()
    for entry_id in "abc":
        outbox.put(sealed(entry_id))
    outbox.take(2)
    outbox.settle(1)
    assert [(draft.entry_id, draft.client_sequence) for draft in outbox.drain()] == [("b", 2), ("c", 3)]
    assert len(outbox) == 2
    outbox.clear()
    await outbox.wait_empty()


@given(st.lists(st.sampled_from(["put", "take", "ack", "break"]), max_size=60))
def test_every_sealed_draft_is_held_until_its_ack(steps: list[str]) -> None:
    outbox, put, acked = Outbox(), list[str](), set[str]()
    flying: list[call_record.Draft] = []
    for step in steps:
        if step == "put":
            put.append(f"{len(put)}")
            outbox.put(sealed(put[-1]))
        elif step == "take":
            flying += outbox.take(2)
        elif step == "ack" and flying:
            draft = flying.pop(0)
            acked.add(draft.entry_id)
            outbox.settle(draft.client_sequence)
        elif step == "break":
            flying.clear()
            outbox.resend()
    assert [draft.entry_id for draft in outbox.drain()] == [
        entry_id for entry_id in put if entry_id not in acked
    ]


def ids(drafts: list[call_record.Draft]) -> list[str]:
    return [draft.entry_id for draft in drafts]


def outbox_with_skipped(*entry_ids: str) -> Outbox:
    """Make an outbox whose first draft was sent alone and skipped."""
    outbox = Outbox()
    for entry_id in entry_ids:
        outbox.put(sealed(entry_id))
    outbox.take(1)
    assert outbox.skip()
    return outbox


async def test_skipped_draft_is_set_aside_once_another_is_stored() -> None:
    outbox = outbox_with_skipped("bad", "good")
    assert ids(outbox.take(10)) == ["good"]
    assert ids(outbox.set_skipped_aside()) == ["bad"]
    outbox.settle(2)
    await outbox.wait_empty()
    assert (len(outbox), outbox.has_waiting, outbox.has_unsettled) == (0, False, True)
    outbox.put(sealed("later"))
    outbox.resend()
    assert ids(outbox.take(10)) == ["later"]
    assert ids(outbox.drain()) == ["bad", "later"]
    outbox.clear()
    assert not outbox.has_unsettled


async def test_skipped_drafts_are_sent_again_in_order_if_none_is_stored() -> None:
    outbox = outbox_with_skipped("a", "b")
    outbox.take(1)
    assert outbox.skip()
    assert ids(outbox.take(10)) == ["a", "b"]
    assert outbox.set_skipped_aside() == []


async def test_only_a_draft_that_was_sent_alone_is_skipped() -> None:
    outbox = Outbox()
    assert not outbox.skip()
    for entry_id in "ab":
        outbox.put(sealed(entry_id))
    outbox.take(2)
    assert not outbox.skip()


async def test_new_revision_replaces_a_set_aside_draft_and_the_seal_is_sent() -> None:
    outbox = Outbox()
    outbox.put(opened("bad", 1))
    outbox.put(sealed("good"))
    outbox.take(1)
    outbox.skip()
    outbox.take(1)
    outbox.set_skipped_aside()
    outbox.settle(2)
    outbox.put(opened("bad", 2))
    assert not outbox.has_waiting
    assert [draft.open_utterance.revision for draft in outbox.drain()] == [2]
    outbox.put(sealed("bad"))
    (draft,) = outbox.take(10)
    assert draft.HasField("utterance")
    outbox.settle(draft.client_sequence - 1)
    assert outbox.has_unsettled
    outbox.settle(draft.client_sequence)
    assert not outbox.has_unsettled


async def test_new_revision_of_a_skipped_draft_goes_to_the_end() -> None:
    outbox = Outbox()
    outbox.put(opened("a", 1))
    outbox.put(sealed("b"))
    outbox.take(1)
    outbox.skip()
    outbox.put(opened("a", 2))
    assert [(draft.entry_id, draft.client_sequence) for draft in outbox.take(10)] == [("b", 2), ("a", 3)]
    assert outbox.set_skipped_aside() == []


async def test_taken_drafts_fit_into_one_message() -> None:
    outbox = Outbox()
    for entry_id in "abcd":
        draft = sealed(entry_id)
        draft.utterance.text = "x" * (MOST_SENT_BYTES * 2 if entry_id == "c" else MOST_SENT_BYTES // 3)
        outbox.put(draft)
    assert [ids(outbox.take(64)) for _ in range(4)] == [["a", "b"], ["c"], ["d"], []]
