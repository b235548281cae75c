"""Evidence of a customer's consent to a quote: the last read-back in a call, and all words after it.

Late, truncated and completing utterances aren't read-backs. Those of the customer are reported, because they
can object.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import consent_evidence_service_pb2 as pb

from mesh.clock import timestamp
from services.conversation.model.entries import UTTERANCE, LogEntry, entry_message, open_utterance_message
from services.conversation.model.records import Call
from services.conversation.model.times import instant_of
from services.conversation.store import Transaction

MAX_UTTERANCES = 256
"""Most utterances of one answer. More are never needed: a consent has at most thanks or another yes after
it."""
MAX_BYTES = 256 * 1024
"""Size of the utterances' contents at which an answer ends."""
MAX_CLOCK_SKEW = timedelta(seconds=60)
"""Most that an agent's clock may be ahead of the service's. Utterances end by the agent's clock and are
committed by the service's, so the search for those after a time begins this much earlier."""

_INPUT = {
    entry_pb2.MODALITY_VOICE: pb.CUSTOMER_INPUT_MICROPHONE,
    entry_pb2.MODALITY_TEXT: pb.CUSTOMER_INPUT_TYPED,
}


async def evidence(
    transaction: Transaction, call: Call, quote_digest: str, now: datetime
) -> pb.GetConsentEvidenceResponse:
    """Return the evidence in a call. All reads of the transaction must see one snapshot.

    Args:
        quote_digest: SHA-256 of the quote, in hexadecimal.
        now: time of the snapshot.
    """
    answer = pb.GetConsentEvidenceResponse(call_epoch=call.epoch, read_time=timestamp(now))
    revisions = await transaction.open_utterances(call.conversation_key)
    answer.open_utterances.extend(open_utterance_message(revision) for revision in revisions)
    readback = await transaction.last_of_call(
        call.conversation_key, call.key, lambda entry: _reads_back(entry, quote_digest)
    )
    if readback is None:
        return answer
    answer.readback.CopyFrom(entry_message(call.conversation_id, readback))
    said = await _said_since(transaction, call.conversation_key, readback)
    answer.incomplete = len(said) > MAX_UTTERANCES or sum(len(entry.content) for entry in said) > MAX_BYTES
    for entry in said[:MAX_UTTERANCES]:
        message = entry_message(call.conversation_id, entry)
        if entry.speaker == entry_pb2.SPEAKER_CUSTOMER:
            answer.customer_turns.add(entry=message, input=_INPUT.get(message.utterance.modality))
        else:
            answer.agent_utterances.append(message)
    return answer


def _reads_back(entry: LogEntry, quote_digest: str) -> bool:
    # The digest is searched in the serialized content first, because parsing every utterance would be slow.
    if entry.kind != UTTERANCE or entry.late or quote_digest.encode() not in entry.content:
        return False
    utterance = entry_pb2.Utterance.FromString(entry.content)
    return (
        utterance.readback_of == quote_digest
        and utterance.sealing != entry_pb2.SEALING_TRUNCATED
        and not utterance.completes_utterance_id
    )


async def _said_since(transaction: Transaction, conversation_key: int, readback: LogEntry) -> list[LogEntry]:
    """Return all utterances that end after the start of a read-back, in the order of the log."""
    since = instant_of(readback.start_micros) - MAX_CLOCK_SKEW
    number = min(readback.number - 1, await transaction.number_before(conversation_key, since))
    return await transaction.entries_after(
        conversation_key,
        number,
        limit=MAX_UTTERANCES + 1,
        most_bytes=MAX_BYTES,
        wanted=lambda entry: (
            entry.kind == UTTERANCE
            and entry.number != readback.number
            and entry.end_micros >= readback.start_micros
        ),
    )
