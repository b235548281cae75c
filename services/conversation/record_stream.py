"""The `Record` stream: an agent's hold on its call, and its way to write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.errors import FieldViolation, InvalidRequest, status_for
from mesh.validation import validate
from services.conversation.calls import Calls
from services.conversation.error_table import DOMAIN, ERRORS
from services.conversation.errors import RecordOutOfOrder, StaleEpoch
from services.conversation.fencing import Writer
from services.conversation.holds import Hold, Holds, Over
from services.conversation.late_tickets import LateTickets
from services.conversation.log import Refused, Stored, TranscriptLog

MAX_DRAFTS = 256
"""Drafts in one `RecordAppend`; the contract's rule, checked here because a draft that breaks its own must not end the stream."""

_END_REASONS = {
    Over.CALL_ENDED: pb.STREAM_END_REASON_CALL_ENDED,
    Over.DRAINING: pb.STREAM_END_REASON_DRAINING,
}


class RecordStreams:
    """Serves `Record`."""

    def __init__(self, log: TranscriptLog, calls: Calls, holds: Holds, tickets: LateTickets) -> None:
        self._log, self._calls, self._holds, self._tickets = log, calls, holds, tickets

    async def record(self, requests: AsyncIterator[pb.RecordRequest]) -> AsyncGenerator[pb.RecordResponse]:
        """One stream from `open` to its end."""
        first = await anext(requests, None)
        if first is None or first.WhichOneof("message") != "open":
            raise RecordOutOfOrder
        validate(first.open)
        writer = Writer(first.open.call_id.lower(), first.open.epoch, first.open.writer_id.lower())
        opened = await self._open(writer)
        with self._holds.take(writer) as hold:
            yield pb.RecordResponse(opened=opened)
            async for response in self._answers(hold, requests):
                yield response

    async def _open(self, writer: Writer) -> pb.RecordOpened:
        call, conversation, grant = await self._calls.open(writer)
        return pb.RecordOpened(
            conversation_id=conversation.conversation_id,
            next_number=conversation.last_number + 1,
            grant=grant,
            locale=conversation.locale,
            time_zone=call.time_zone,
            caller_identity=call.caller_identity,
            late_ticket=self._tickets.issue(writer),
        )

    async def _answers(self, hold: Hold, requests: AsyncIterator[pb.RecordRequest]) -> AsyncGenerator[pb.RecordResponse]:
        while isinstance(request := await _next(hold, requests), pb.RecordRequest):
            match request.WhichOneof("message"):
                case "append":
                    for response in await self._append(hold.writer, request.append.drafts):
                        yield response
                case "close":
                    validate(request.close)
                    await self._calls.close(hold.writer, request.close.reason)
                    yield _end(pb.STREAM_END_REASON_CALL_ENDED)
                    return
                case _:
                    raise RecordOutOfOrder
        if request is Over.AGENT_REPLACED:
            raise StaleEpoch(hold.writer.epoch + 1)
        if request in _END_REASONS:
            yield _end(_END_REASONS[request])

    async def _append(self, writer: Writer, drafts: Sequence[entry_pb2.Draft]) -> list[pb.RecordResponse]:
        if not 1 <= len(drafts) <= MAX_DRAFTS:
            raise InvalidRequest([FieldViolation("append.drafts", f"must be 1 to {MAX_DRAFTS}")])
        return list(responses(await self._log.append(writer, drafts)))


def responses(outcomes: Sequence[Stored | Refused]) -> list[pb.RecordResponse]:
    """Each refusal with its status, then one ack through the last draft."""
    answers = [pb.RecordResponse(rejected=_rejected(outcome)) for outcome in outcomes if isinstance(outcome, Refused)]
    numbers = [outcome.number if isinstance(outcome, Stored) else 0 for outcome in outcomes]
    through = max(outcome.client_sequence for outcome in outcomes)
    return [*answers, pb.RecordResponse(ack=pb.RecordAck(through_client_sequence=through, numbers=numbers))]


def _rejected(refused: Refused) -> pb.RecordRejected:
    return pb.RecordRejected(client_sequence=refused.client_sequence, status=status_for(refused.error, ERRORS, DOMAIN))


def _end(reason: pb.StreamEndReason.ValueType) -> pb.RecordResponse:
    return pb.RecordResponse(end=pb.RecordEnd(reason=reason))


async def _next(hold: Hold, requests: AsyncIterator[pb.RecordRequest]) -> pb.RecordRequest | Over | None:
    """The writer's next message; why the hold is over, when that comes first; None when the writer has gone."""
    reading = asyncio.ensure_future(anext(requests, None))
    ending = asyncio.ensure_future(hold.over())
    try:
        await asyncio.wait((reading, ending), return_when=asyncio.FIRST_COMPLETED)
        # What was read before the end is still stored: it was said.
        return await reading if reading.done() else ending.result()
    finally:
        for task in (reading, ending):
            task.cancel()
        await asyncio.gather(reading, ending, return_exceptions=True)
