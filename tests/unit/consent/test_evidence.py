"""Evidence in the conversation service's response."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record
from readback.internal.conversation.v1 import consent_evidence_service_pb2 as pb

from consent.evidence import Evidence, evidence_of
from tests.unit.consent.logs import QUOTE, TEXT, TO_CONFIRM, at

pytestmark = pytest.mark.unit

FINAL, INTERRUPTED, TRUNCATED = (
    entry_pb2.SEALING_FINAL,
    entry_pb2.SEALING_INTERRUPTED,
    entry_pb2.SEALING_TRUNCATED,
)


def stamp(time: datetime) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(time)
    return found


def entry(text: str, start: float, *, late: bool = False, **utterance: Any) -> entry_pb2.Entry:
    spoken = entry_pb2.Utterance(**{"text": text, "sealing": FINAL, **utterance})
    return entry_pb2.Entry(
        number=3,
        call_id="a call",
        call_epoch=2,
        start_time=stamp(at(start)),
        end_time=stamp(at(start + 1)),
        commit_time=stamp(at(start + 1.1)),
        late=late,
        utterance=spoken,
    )


def read(response: pb.GetConsentEvidenceResponse) -> Evidence:
    return evidence_of(response, TO_CONFIRM)


def test_an_empty_response_has_no_read_back() -> None:
    found = read(pb.GetConsentEvidenceResponse(call_epoch=1))
    assert (found.readback, found.turns, found.agent, found.open) == (None, [], [], [])
    assert (found.epoch, found.incomplete, found.quote) == (1, False, TO_CONFIRM)


def test_an_utterance_keeps_its_facts() -> None:
    turn = pb.CustomerTurn(entry=entry("yes", 5), input=pb.CUSTOMER_INPUT_MICROPHONE)
    (found,) = read(pb.GetConsentEvidenceResponse(customer_turns=[turn])).turns
    assert (found.number, found.text, found.call_id, found.epoch) == (3, "yes", "a call", 2)
    assert (found.start, found.end, found.commit) == (at(5), at(6), at(6.1))
    assert found.whole
    assert found.own


@pytest.mark.parametrize(
    ("changes", "whole"),
    [
        ({}, True),
        ({"sealing": INTERRUPTED}, False),
        ({"sealing": TRUNCATED}, False),
        ({"late": True}, False),
        ({"completes_utterance_id": "another"}, False),
    ],
)
def test_only_a_finished_utterance_of_the_calls_writer_is_whole(changes: dict[str, Any], whole: bool) -> None:
    response = pb.GetConsentEvidenceResponse(readback=entry(TEXT, 0, **changes))
    readback = read(response).readback
    assert readback is not None
    assert readback.whole is whole


@pytest.mark.parametrize(
    ("origin", "own"),
    [
        (pb.CUSTOMER_INPUT_MICROPHONE, True),
        (pb.CUSTOMER_INPUT_TYPED, True),
        (pb.CUSTOMER_INPUT_UNSPECIFIED, False),
        (9, False),
    ],
)
def test_only_known_inputs_are_the_customers_own(origin: Any, own: bool) -> None:
    response = pb.GetConsentEvidenceResponse(
        customer_turns=[pb.CustomerTurn(entry=entry("yes", 0), input=origin)]
    )
    assert read(response).turns[0].own is own


@pytest.mark.parametrize(
    ("characters", "played_after", "delivered"),
    [
        (len(TEXT), 1.2, at(1.2)),
        (len(TEXT) - 1, 1.2, None),
        (0, 1.2, None),
        # A client that reports the end before it was sent doesn't open the caller's answer earlier.
        (len(TEXT), 0.5, at(1)),
    ],
)
def test_a_read_back_is_delivered_when_the_client_has_played_all_of_it(
    characters: int, played_after: float, delivered: datetime | None
) -> None:
    delivery = entry_pb2.Delivery(characters=characters, play_time=stamp(at(played_after)))
    response = pb.GetConsentEvidenceResponse(readback=entry(TEXT, 0, delivered_through=delivery))
    readback = read(response).readback
    assert readback is not None
    assert readback.delivered == delivered


def test_without_a_report_nothing_is_delivered() -> None:
    spoken = entry("Please say book it or no.", 0, second_question_of=QUOTE)
    (found,) = read(pb.GetConsentEvidenceResponse(agent_utterances=[spoken])).agent
    assert found.delivered is None
    assert (found.readback_of, found.second_question_of) == ("", QUOTE)


@pytest.mark.parametrize(
    ("speaker", "by_customer"),
    [(entry_pb2.SPEAKER_CUSTOMER, True), (entry_pb2.SPEAKER_AGENT, False), (9, True)],
)
def test_open_speech_of_an_unknown_speaker_is_taken_for_the_customers(
    speaker: Any, by_customer: bool
) -> None:
    speech = call_record.OpenUtterance(speaker=speaker, start_time=stamp(at(0) + timedelta(seconds=1)))
    (found,) = read(pb.GetConsentEvidenceResponse(open_utterances=[speech])).open
    assert (found.by_customer, found.start) == (by_customer, at(1))
