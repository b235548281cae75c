"""What a writer had said before it lost its call, or died, handed in afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

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
"""Answers that are about what was handed in; all others are about the service, and another time may be better."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Refusal:
    """An entry that was not taken, and will not be."""

    entry_id: str
    reason: str
    """Of the service's error, for example `ERROR_REASON_CONVERSATION_ENDED`."""


async def hand_in_late(
    stub: ConversationServiceAsyncStub, opening: pb.RecordOpen, ticket: str, drafts: Iterable[entry_pb2.Draft], *, until: datetime
) -> list[Refusal]:
    """Appends what a writer said `until` then, with its late ticket and the agent's own token, and gives what was not taken.

    Each by itself, so that one that is refused doesn't take the others with it. Handed in twice it is stored once.

    Raises:
        grpc.aio.AioRpcError: the service can't take anything just now.
    """
    refusals = []
    for draft in drafts:
        request = pb.AppendRequest(call_id=opening.call_id, epoch=opening.epoch, writer_id=opening.writer_id, late_ticket=ticket)
        request.drafts.append(over(draft, until))
        try:
            await stub.Append(request)
        except grpc.aio.AioRpcError as error:
            if error.code() not in _REFUSALS:
                raise
            refusals.append(Refusal(draft.entry_id, reason_of(error) or error.code().name))
            _log.warning("a late entry was not taken", entry_id=draft.entry_id, reason=refusals[-1].reason, why=error.details())
    return refusals


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
        client_sequence=draft.client_sequence, entry_id=draft.entry_id, start_time=draft.start_time, end_time=end, utterance=sealed
    )
