"""Evidence of consent, from the agent's recorder through the log to the booking service, on both stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import grpc
import pytest
from readback.conversation.v1 import conversation_service_pb2, entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record
from readback.internal.conversation.v1 import consent_evidence_service_pb2 as pb
from readback.internal.conversation.v1.consent_evidence_service_pb2_grpc import ConsentEvidenceServiceStub

from consent.decision import SETTLE, Decision, Verdict, decide_consent
from consent.evidence import QuoteToConfirm, evidence_of
from consent.grammar import Subject
from mesh.clock import timestamp
from mesh.errors import reason_of
from mesh.ids import uuid7
from services.conversation.client.recorder import Recorder
from services.conversation.evidence import consent_evidence

if TYPE_CHECKING:
    from readback.internal.conversation.v1.consent_evidence_service_pb2_grpc import (
        ConsentEvidenceServiceAsyncStub,
    )

    from tests.integration.conversation.mesh import Customer, Mesh

pytestmark = pytest.mark.integration

AGENT, CUSTOMER = entry_pb2.SPEAKER_AGENT, entry_pb2.SPEAKER_CUSTOMER
INTERRUPTED, TRUNCATED = entry_pb2.SEALING_INTERRUPTED, entry_pb2.SEALING_TRUNCATED
QUOTE, OTHER_QUOTE = "a1" * 32, "b2" * 32
TEXT = "Chennai to Delhi on Friday, for five thousand rupees. Shall I?"
START = datetime.now(UTC) - timedelta(minutes=5)


@dataclass
class Line:
    """A call with its recorder, and the booking service's view of it."""

    mesh: Mesh
    customer: Customer
    call: conversation_service_pb2.Call
    writer_id: str
    recorder: Recorder
    booking: ConsentEvidenceServiceAsyncStub

    def say(self, speaker: entry_pb2.Speaker.ValueType, text: str, second: int, **fields: object) -> str:
        """Record an utterance from one second after `START` to the next; return its id."""
        utterance_id, start = uuid7(), START + timedelta(seconds=second)
        self.recorder.seal(
            utterance_id,
            speaker,
            text,
            start_time=start,
            end_time=start + timedelta(seconds=1),
            **fields,  # type: ignore[arg-type]  # the recorder's own fields
        )
        return utterance_id

    def read_back(self, second: int, quote: str = QUOTE, **fields: object) -> str:
        """Record the read-back of a quote, played to its end."""
        played = timestamp(START + timedelta(seconds=second, milliseconds=1200))
        delivery = entry_pb2.Delivery(characters=len(TEXT), play_time=played)
        return self.say(AGENT, TEXT, second, readback_of=quote, delivered_through=delivery, **fields)

    async def evidence(self, **fields: str) -> pb.GetConsentEvidenceResponse:
        """Return the evidence once everything is in the log."""
        await self.recorder.flushed()
        usual = {
            "customer_id": self.customer.customer_id,
            "call_id": self.call.call_id,
            "quote_digest": QUOTE,
        }
        return await self.booking.GetConsentEvidence(pb.GetConsentEvidenceRequest(**{**usual, **fields}))


@pytest.fixture(params=["sqlite", "postgresql"])
async def stored_mesh(request: pytest.FixtureRequest, lone_mesh: Mesh) -> AsyncIterator[Mesh]:
    options = {}
    if request.param == "postgresql":
        options["conversation_database_url"] = request.getfixturevalue("postgres").new_database()
    async with lone_mesh.conversation(**options):
        yield lone_mesh


@asynccontextmanager
async def talking(mesh: Mesh) -> AsyncIterator[Line]:
    customer = await mesh.customer()
    call = await customer.call()
    booking = ConsentEvidenceServiceStub(await mesh.channel(mesh.workload("booking").own_token))
    writer_id = uuid7()
    async with Recorder(await mesh.agent_stub(), call.call_id, call.epoch, writer_id) as recorder:
        yield Line(mesh, customer, call, writer_id, recorder, booking)


@pytest.fixture
async def line(stored_mesh: Mesh) -> AsyncIterator[Line]:
    async with talking(stored_mesh) as made:
        yield made


def texts(evidence: pb.GetConsentEvidenceResponse) -> list[str]:
    return [turn.entry.utterance.text for turn in evidence.customer_turns]


async def test_the_evidence_has_the_read_back_and_every_word_after_it(line: Line) -> None:
    line.say(CUSTOMER, "the second one", 0)
    readback_id = line.read_back(2)
    line.say(CUSTOMER, "okay", 4)
    line.say(AGENT, "Please say book it or no.", 6, second_question_of=QUOTE)
    line.say(CUSTOMER, "book it", 8, modality=entry_pb2.MODALITY_TEXT)
    line.recorder.revise(uuid7(), CUSTOMER, "and")
    found = await line.evidence()
    readback = found.readback
    assert (readback.entry_id, readback.call_id) == (readback_id, line.call.call_id)
    assert (readback.utterance.text, readback.utterance.readback_of) == (TEXT, QUOTE)
    assert readback.utterance.delivered_through.characters == len(TEXT)
    assert readback.utterance.delivered_through.play_time == timestamp(START + timedelta(seconds=3.2))
    assert [(turn.entry.utterance.text, turn.input) for turn in found.customer_turns] == [
        ("okay", pb.CUSTOMER_INPUT_MICROPHONE),
        ("book it", pb.CUSTOMER_INPUT_TYPED),
    ]
    assert [entry.utterance.second_question_of for entry in found.agent_utterances] == [QUOTE]
    assert [speech.text for speech in found.open_utterances] == ["and"]
    assert (found.call_epoch, found.incomplete) == (1, False)
    assert {turn.entry.call_epoch for turn in found.customer_turns} == {1}
    assert found.read_time.ToDatetime(UTC) > START


async def test_a_yes_in_the_log_consents_until_the_customer_objects(line: Line) -> None:
    quote = QuoteToConfirm(QUOTE, TEXT, "en-IN", Subject.BOOK)

    async def decision() -> Decision:
        found = await line.evidence()
        now = found.read_time.ToDatetime(UTC) + SETTLE  # as if the booking service had waited
        return decide_consent(evidence_of(found, quote), now)

    line.say(CUSTOMER, "the second one", 0)
    assert (await decision()).verdict is Verdict.READ_BACK
    line.read_back(2)
    assert (await decision()).verdict is Verdict.NO_REPLY
    line.say(CUSTOMER, "yes, book it", 4)
    consent = await decision()
    assert consent.verdict is Verdict.CONSENT
    assert consent.reply is not None
    assert consent.reply.text == "yes, book it"
    line.say(CUSTOMER, "no, not that one", 8)
    assert (await decision()).verdict is Verdict.WITHDRAWN


async def test_without_a_read_back_of_the_quote_there_is_none(line: Line) -> None:
    line.read_back(0, OTHER_QUOTE)
    line.say(AGENT, f"The digest is {QUOTE}.", 2)
    line.say(CUSTOMER, "yes", 4)
    found = await line.evidence()
    assert not found.HasField("readback")
    assert not found.customer_turns


async def test_the_last_read_back_counts_also_if_it_was_interrupted(line: Line) -> None:
    line.read_back(0)
    line.say(CUSTOMER, "sorry, again please", 2)
    again = line.read_back(4, sealing=INTERRUPTED)
    line.say(CUSTOMER, "yes", 6)
    found = await line.evidence()
    assert found.readback.entry_id == again
    assert found.readback.utterance.sealing == INTERRUPTED
    assert texts(found) == ["yes"]


async def test_a_truncated_or_completing_read_back_does_not_count(line: Line) -> None:
    readback_id = line.read_back(0)
    line.read_back(2, sealing=TRUNCATED)
    line.say(CUSTOMER, "yes", 4)
    await line.recorder.flushed()
    completing = entry_pb2.Utterance(
        utterance_id=(entry_id := uuid7()),
        speaker=AGENT,
        modality=entry_pb2.MODALITY_VOICE,
        text=TEXT,
        sealing=entry_pb2.SEALING_FINAL,
        completes_utterance_id=uuid7(),
        readback_of=QUOTE,
    )
    await append(line, draft_of(entry_id, completing, second=6))
    assert (await line.evidence()).readback.entry_id == readback_id


async def test_a_late_read_back_does_not_count_and_a_late_objection_does(line: Line) -> None:
    readback_id = line.read_back(0)
    await line.recorder.flushed()
    await line.recorder.close(entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
    for second, (speaker, text, quote) in enumerate([(AGENT, TEXT, QUOTE), (CUSTOMER, "no, wait", "")], 2):
        utterance = entry_pb2.Utterance(
            utterance_id=(entry_id := uuid7()),
            speaker=speaker,
            modality=entry_pb2.MODALITY_VOICE,
            text=text,
            sealing=entry_pb2.SEALING_FINAL,
            readback_of=quote,
        )
        await append(line, draft_of(entry_id, utterance, second=second))
    found = await line.evidence()
    assert found.readback.entry_id == readback_id
    assert [(turn.entry.utterance.text, turn.entry.late) for turn in found.customer_turns] == [
        ("no, wait", True)
    ]


async def test_words_during_the_read_back_are_evidence_although_their_entry_comes_first(line: Line) -> None:
    line.say(CUSTOMER, "before it", 0)
    line.say(CUSTOMER, "no", 4)
    line.read_back(4)
    assert texts(await line.evidence()) == ["no"]


async def test_words_in_a_later_call_of_the_conversation_are_evidence(line: Line) -> None:
    line.read_back(0)
    await line.recorder.flushed()
    await line.recorder.close(entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
    call = await line.customer.call(line.call.conversation_id)
    async with Recorder(await line.mesh.agent_stub(), call.call_id, call.epoch) as recorder:
        recorder.seal(uuid7(), CUSTOMER, "cancel that")
        await recorder.flushed()
        found = await line.evidence()
        other = await line.evidence(call_id=call.call_id)
    assert [(turn.entry.utterance.text, turn.entry.call_id) for turn in found.customer_turns] == [
        ("cancel that", call.call_id)
    ]
    assert not other.HasField("readback")


async def test_another_agent_raises_the_epoch_but_not_that_of_its_predecessors_entries(line: Line) -> None:
    line.read_back(0)
    line.recorder.revise(uuid7(), CUSTOMER, "yes but")
    await line.recorder.flushed()
    await line.recorder.close()
    found = await line.evidence()
    assert (found.call_epoch, found.readback.call_epoch) == (2, 1)
    assert [(turn.entry.utterance.sealing, turn.entry.call_epoch) for turn in found.customer_turns] == [
        (TRUNCATED, 1)
    ]
    assert not found.open_utterances


async def test_a_flood_of_words_makes_the_evidence_incomplete(line: Line) -> None:
    line.read_back(0)
    for second in range(consent_evidence.MAX_UTTERANCES + 1):
        line.say(CUSTOMER, "yes", 2 + second)
    found = await line.evidence()
    assert found.incomplete
    assert len(found.customer_turns) == consent_evidence.MAX_UTTERANCES


async def test_a_read_back_is_found_behind_many_entries(line: Line) -> None:
    readback_id = line.read_back(0)
    for second in range(200):
        line.say(AGENT, f"Flight {second}: " + "a long line of words " * 8, 2 + second)
    found = await line.evidence()
    assert found.readback.entry_id == readback_id
    assert len(found.agent_utterances) == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"readback_of": QUOTE, "speaker": CUSTOMER},
        {"second_question_of": QUOTE, "speaker": CUSTOMER},
        {"readback_of": "A1" * 32},
        {"readback_of": "a1"},
        {"delivered_through": entry_pb2.Delivery(characters=len(TEXT) + 1, play_time=timestamp(START))},
        {"delivered_through": entry_pb2.Delivery(characters=1)},
    ],
)
async def test_the_log_refuses_an_impossible_read_back(mesh: Mesh, fields: dict[str, object]) -> None:
    async with talking(mesh) as line:
        speaker = fields.pop("speaker", AGENT)
        receipt = line.recorder.seal(uuid7(), speaker, TEXT, **fields)  # type: ignore[arg-type]
        await line.recorder.flushed()
        assert await receipt is False


async def test_only_the_booking_service_reads_evidence_and_only_of_the_customers_own_calls(
    mesh: Mesh,
) -> None:
    async with talking(mesh) as line:
        line.read_back(0)
        await line.evidence()
        eve = await mesh.customer()
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await line.evidence(customer_id=eve.customer_id)
        assert (refusal.value.code(), reason_of(refusal.value)) == (
            grpc.StatusCode.NOT_FOUND,
            "CALL_NOT_FOUND",
        )
        line.booking = ConsentEvidenceServiceStub(await mesh.channel(mesh.agent().own_token))
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await line.evidence()
        assert refusal.value.code() == grpc.StatusCode.PERMISSION_DENIED


def draft_of(entry_id: str, utterance: entry_pb2.Utterance, second: int) -> call_record.Draft:
    start = START + timedelta(seconds=second)
    return call_record.Draft(
        client_sequence=1000 + second,
        entry_id=entry_id,
        start_time=timestamp(start),
        end_time=timestamp(start + timedelta(seconds=1)),
        utterance=utterance,
    )


async def append(line: Line, draft: call_record.Draft) -> None:
    stub = await line.mesh.agent_stub()
    await stub.Append(
        call_record.AppendRequest(
            call_id=line.call.call_id,
            epoch=line.call.epoch,
            writer_id=line.writer_id,
            drafts=[draft],
            late_ticket=line.recorder.opened.late_ticket,
        )
    )
