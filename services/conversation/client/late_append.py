"""Late append: store the drafts that a writer left behind when it lost its call or died."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

import grpc
import structlog
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from mesh.clock import timestamp
from mesh.errors import reason_of
from services.conversation.client.retry_policy import LATE_REJECTED, LATE_UNAVAILABLE
from services.conversation.model.times import instant

if TYPE_CHECKING:
    from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceAsyncStub

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Refusal:
    """An entry that the service did not store."""

    reason: str
    """Reason in the service's error, for example `CONVERSATION_ENDED`."""
    final: bool
    """True if a retry would be refused too; False if the service failed to process the entry."""


async def append_late(
    stub: CallRecordServiceAsyncStub,
    opening: call_record.RecordOpen,
    ticket: str,
    drafts: Iterable[call_record.Draft],
    *,
    until: datetime,
) -> list[Refusal]:
    """Append the drafts of a writer with its late ticket, and return the refusals.

    The stub sends the agent's own token. Each draft has its own request, so that a refused draft doesn't stop
    the drafts after it. A draft that is sent twice is stored once. If the service has already sealed an
    utterance as truncated, its full text is stored as another entry that names the truncated one.

    Args:
        until: time at which the writer stopped. Utterances that were still open end at this time.

    Raises:
        grpc.aio.AioRpcError: the service is unavailable, so no entry can be stored now.
    """
    refusals = []
    for draft in drafts:
        request = call_record.AppendRequest(
            call_id=opening.call_id, epoch=opening.epoch, writer_id=opening.writer_id, late_ticket=ticket
        )
        closed = sealed_at(draft, until)
        error = await _append(stub, request, closed)
        if error and error.code() is grpc.StatusCode.ALREADY_EXISTS and closed.HasField("utterance"):
            error = await _append(stub, request, completion(closed))
        if error:
            refusal = Refusal(reason_of(error) or error.code().name, error.code() in LATE_REJECTED)
            _log.warning(
                "late entry refused", entry_id=draft.entry_id, reason=refusal.reason, why=error.details()
            )
            refusals.append(refusal)
    return refusals


async def _append(
    stub: CallRecordServiceAsyncStub, request: call_record.AppendRequest, draft: call_record.Draft
) -> grpc.aio.AioRpcError | None:
    """Send one draft; return the service's refusal, or None if the draft is stored."""
    del request.drafts[:]
    request.drafts.append(draft)
    try:
        await stub.Append(request)
    except grpc.aio.AioRpcError as error:
        if error.code() in LATE_UNAVAILABLE:
            raise
        return error
    return None


def adds_to(draft: call_record.Draft, stored: str) -> bool:
    """Return whether a draft adds anything to the stored text of its utterance.

    The service has stored the text `stored`, and seals it as truncated.
    """
    if draft.HasField("open_utterance"):
        return draft.open_utterance.text != stored
    return draft.utterance.text != stored or draft.utterance.sealing == entry_pb2.SEALING_FINAL


def completion(draft: call_record.Draft) -> call_record.Draft:
    """Return the utterance of the draft as a new entry that completes the truncated one.

    The new id is derived from the truncated entry's id, so a retry sends the same entry.
    """
    completing = call_record.Draft()
    completing.CopyFrom(draft)
    completing.utterance.completes_utterance_id = draft.entry_id
    completing.entry_id = completing.utterance.utterance_id = str(uuid5(UUID(draft.entry_id), "completed"))
    return completing


def sealed_at(draft: call_record.Draft, until: datetime) -> call_record.Draft:
    """Return the draft for a late append. An open utterance becomes a truncated one that ends at `until`."""
    if not draft.HasField("open_utterance"):
        return draft
    speech = draft.open_utterance
    sealed = entry_pb2.Utterance(
        utterance_id=speech.utterance_id,
        speaker=speech.speaker,
        modality=speech.modality,
        text=speech.text,
        sealing=entry_pb2.SEALING_TRUNCATED,
    )
    return call_record.Draft(
        client_sequence=draft.client_sequence,
        entry_id=draft.entry_id,
        start_time=draft.start_time,
        end_time=timestamp(max(until, instant(draft.start_time))),
        utterance=sealed,
    )
