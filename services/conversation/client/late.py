"""What a writer had said before it lost its call, or died, handed in afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

import grpc
import structlog
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.errors import reason_of
from services.conversation.entries import instant, timestamp

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

_REFUSALS = {
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
}
"""Answers that are about what was handed in: no other time would be better."""
AWAY = {
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.UNAVAILABLE,
}
"""Answers that are about the service: it can take nothing just now. All others, INTERNAL above all, say that it failed at what was handed
in: another time may be better for that, and what comes after it may fare well at once."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Refusal:
    """An entry that was not taken."""

    entry_id: str
    reason: str
    """Of the service's error, for example `ERROR_REASON_CONVERSATION_ENDED`."""
    final: bool
    """Whether it never will be; else the service failed at it, and may not another time."""


async def hand_in_late(
    stub: ConversationServiceAsyncStub,
    opening: pb.RecordOpen,
    ticket: str,
    drafts: Iterable[entry_pb2.Draft],
    *,
    until: datetime,
) -> list[Refusal]:
    """Appends what a writer said `until` then, with its late ticket and the agent's own token, and gives what was not taken.

    Each by itself, so that one that is refused, or at which the service fails, doesn't take the others with it. Handed in twice it is
    stored once. Where the service has sealed an utterance as truncated meanwhile, all of its words go in as another entry that names it.

    Raises:
        grpc.aio.AioRpcError: the service can't take anything just now.
    """
    refusals = []
    for draft in drafts:
        request = pb.AppendRequest(
            call_id=opening.call_id, epoch=opening.epoch, writer_id=opening.writer_id, late_ticket=ticket
        )
        closed = over(draft, until)
        error = await _refused(stub, request, closed)
        if (
            error is not None
            and error.code() is grpc.StatusCode.ALREADY_EXISTS
            and closed.HasField("utterance")
        ):
            error = await _refused(stub, request, completion(closed))
        if error is not None:
            refusals.append(
                Refusal(draft.entry_id, reason_of(error) or error.code().name, error.code() in _REFUSALS)
            )
            _log.warning(
                "a late entry was not taken",
                entry_id=draft.entry_id,
                reason=refusals[-1].reason,
                why=error.details(),
            )
    return refusals


async def _refused(
    stub: ConversationServiceAsyncStub, request: pb.AppendRequest, draft: entry_pb2.Draft
) -> grpc.aio.AioRpcError | None:
    """Why the service did not take a draft; None when it took it."""
    del request.drafts[:]
    request.drafts.append(draft)
    try:
        await stub.Append(request)
    except grpc.aio.AioRpcError as error:
        if error.code() in AWAY:
            raise
        return error
    return None


def says_more(draft: entry_pb2.Draft, stored: str) -> bool:
    """Whether a draft of an utterance adds anything to the words that the service has of it, and has sealed as truncated by now."""
    if draft.HasField("open_utterance"):
        return draft.open_utterance.text != stored
    return draft.utterance.text != stored or draft.utterance.sealing == entry_pb2.SEALING_FINAL


def completion(draft: entry_pb2.Draft) -> entry_pb2.Draft:
    """An utterance under another id, always the same, that says which truncated one it completes."""
    again = entry_pb2.Draft()
    again.CopyFrom(draft)
    again.utterance.completes_utterance_id = draft.entry_id
    again.entry_id = again.utterance.utterance_id = str(uuid5(UUID(draft.entry_id), "completed"))
    return again


def over(draft: entry_pb2.Draft, until: datetime) -> entry_pb2.Draft:
    """A draft as it can be handed in after the fact: an utterance that was still open is cut where its writer ended."""
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
    end = timestamp(max(until, instant(draft.start_time)))
    return entry_pb2.Draft(
        client_sequence=draft.client_sequence,
        entry_id=draft.entry_id,
        start_time=draft.start_time,
        end_time=end,
        utterance=sealed,
    )
