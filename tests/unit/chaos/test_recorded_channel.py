"""A recorded channel puts its messages into the history: sent, acknowledged, refused and repeated drafts,
watch events."""

from __future__ import annotations

from typing import Any

import pytest
from google.rpc import status_pb2
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from tests.chaos.history import History, Outcome, Watcher
from tests.chaos.recorded_channel import AppendLog, RecordedChannel, RecordLog, watching

pytestmark = pytest.mark.unit


def said(sequence: int, entry_id: str) -> call_record.Draft:
    return call_record.Draft(
        client_sequence=sequence, entry_id=entry_id, utterance=entry_pb2.Utterance(text=entry_id)
    )


def saying(sequence: int, entry_id: str) -> call_record.Draft:
    return call_record.Draft(
        client_sequence=sequence, entry_id=entry_id, open_utterance=call_record.OpenUtterance(text=entry_id)
    )


def sent(notes: RecordLog, *drafts: call_record.Draft) -> None:
    notes.sent(call_record.RecordRequest(append=call_record.RecordAppend(drafts=drafts)))


def acked(notes: RecordLog, through: int, *numbers: int) -> None:
    notes.received(
        call_record.RecordResponse(
            ack=call_record.RecordAck(through_client_sequence=through, numbers=numbers)
        )
    )


@pytest.fixture
def history() -> History:
    return History()


@pytest.fixture
def notes(history: History) -> RecordLog:
    notes = RecordLog(history, "talk", "agent")
    notes.sent(call_record.RecordRequest(open=call_record.RecordOpen()))
    return notes


def outcomes(history: History) -> dict[str, tuple[Outcome, int]]:
    return {entry_id: (append.outcome, append.number) for entry_id, append in history.appends.items()}


def test_an_ack_settles_what_was_sent_up_to_it(notes: RecordLog, history: History) -> None:
    sent(notes, said(1, "a"), saying(2, "open"), said(3, "b"))
    sent(notes, said(4, "c"))
    acked(notes, 3, 7, 0, 8)
    assert outcomes(history) == {"a": (Outcome.OK, 7), "b": (Outcome.OK, 8), "c": (Outcome.UNKNOWN, 0)}
    assert history.opened == {"open"}


def test_what_is_sent_again_on_another_stream_is_the_same_append(notes: RecordLog, history: History) -> None:
    sent(notes, said(1, "a"), said(2, "b"))
    notes.sent(call_record.RecordRequest(open=call_record.RecordOpen()))
    sent(notes, said(1, "a"), said(2, "b"))
    acked(notes, 2, 4, 5)
    assert outcomes(history) == {"a": (Outcome.OK, 4), "b": (Outcome.OK, 5)}
    assert [append.attempts for append in history.appends.values()] == [2, 2]
    assert notes.streams == 2


def test_a_refusal_is_a_failure_only_if_nothing_was_sent_before(notes: RecordLog, history: History) -> None:
    sent(notes, said(1, "a"))
    notes.sent(call_record.RecordRequest(open=call_record.RecordOpen()))
    sent(notes, said(1, "a"), said(2, "b"))
    for sequence in (1, 2):
        notes.received(
            call_record.RecordResponse(
                rejected=call_record.RecordRejected(
                    client_sequence=sequence, status=status_pb2.Status(code=3)
                )
            )
        )
    assert outcomes(history) == {"a": (Outcome.UNKNOWN, 0), "b": (Outcome.FAIL, 0)}


def test_an_ack_with_too_few_numbers_is_noticed(notes: RecordLog) -> None:
    sent(notes, said(1, "a"), said(2, "b"))
    with pytest.raises(AssertionError, match="2 drafts gives 1 numbers"):
        acked(notes, 2, 1)


def test_the_drafts_of_one_unary_append_are_a_group(history: History) -> None:
    notes = AppendLog(history, "talk", "agent")
    notes.sent(call_record.AppendRequest(drafts=[said(1, "a"), said(2, "b")]))
    notes.sent(call_record.AppendRequest(drafts=[said(3, "c")]))
    notes.received(
        call_record.AppendResponse(
            drafts=[
                call_record.AckedDraft(client_sequence=1, number=1),
                call_record.AckedDraft(client_sequence=2, number=2),
            ]
        )
    )
    groups = {entry_id: append.group for entry_id, append in history.appends.items()}
    assert groups["a"] == groups["b"] != groups["c"]
    assert outcomes(history) == {"a": (Outcome.OK, 1), "b": (Outcome.OK, 2), "c": (Outcome.UNKNOWN, 0)}


class Wire:
    """A channel that keeps what it is given to convert messages with."""

    def unary_stream(
        self, path: str, *, request_serializer: Any, response_deserializer: Any
    ) -> tuple[Any, Any]:
        return request_serializer, response_deserializer


def test_a_watcher_has_a_stream_for_each_request_and_all_events_that_it_receives() -> None:
    watcher = Watcher("watcher", "talk")
    channel: RecordedChannel = watching(Wire(), watcher)  # type: ignore[arg-type]  # as much of a channel as is needed
    ask, hear = channel.unary_stream(
        "/service/Watch",
        request_serializer=pb.WatchRequest.SerializeToString,
        response_deserializer=pb.WatchResponse.FromString,
    )
    one, two = (
        entry_pb2.Entry(number=number, entry_id=str(number), utterance=entry_pb2.Utterance())
        for number in (1, 2)
    )
    ask(pb.WatchRequest(conversation_id="talk"))
    hear(pb.WatchResponse(cursor="x", entries=pb.EntryBatch(entries=[one, two])).SerializeToString())
    hear(pb.WatchResponse(cursor="x", live=pb.LiveText(utterance_id="3")).SerializeToString())
    ask(pb.WatchRequest(conversation_id="talk", cursor="x"))
    first, second = watcher.streams
    assert [
        (event.kind, [seen.number for seen in event.entries], event.about) for event in first.received
    ] == [
        ("entries", [1, 2], ""),
        ("live", [], "3"),
    ]
    assert (second.cursor, second.received) == ("x", [])
