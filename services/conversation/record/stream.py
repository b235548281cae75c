"""The `Record` stream, on which an agent holds its call and appends to the log."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from mesh.contracts.validation import validate
from mesh.errors import status_for
from services.conversation.calls.calls import Calls
from services.conversation.calls.holds import Hold, HoldEnd, Holds
from services.conversation.errors import ERRORS, RecordOutOfOrder, StaleEpoch
from services.conversation.log.transcript_log import Refused, Stored, TranscriptLog
from services.conversation.log.writer_fence import LateTickets, Writer
from services.conversation.record.pipeline import append_pipeline

_END_REASONS = {
    HoldEnd.CALL_ENDED: call_record.RECORD_END_REASON_CALL_ENDED,
    HoldEnd.DRAINING: call_record.RECORD_END_REASON_DRAINING,
}


class RecordStreams:
    """The server side of the `Record` streams."""

    def __init__(self, log: TranscriptLog, calls: Calls, holds: Holds, tickets: LateTickets) -> None:
        self._log, self._calls, self._holds, self._tickets = log, calls, holds, tickets

    async def record(
        self, requests: AsyncIterator[call_record.RecordRequest]
    ) -> AsyncGenerator[call_record.RecordResponse]:
        """Serve one stream, from the `open` message to its end."""
        first = await anext(requests, None)
        if first is None or first.WhichOneof("message") != "open":
            raise RecordOutOfOrder
        validate(first.open)
        writer = Writer(first.open.call_id.lower(), first.open.epoch, first.open.writer_id.lower())
        opened = await self._open(writer)
        with self._holds.take(writer) as hold:
            yield call_record.RecordResponse(opened=opened)
            async for response in self._answers(hold, requests):
                yield response

    async def _open(self, writer: Writer) -> call_record.RecordOpened:
        call, conversation, grant = await self._calls.open(writer)
        return call_record.RecordOpened(
            conversation_id=conversation.conversation_id,
            next_number=conversation.last_number + 1,
            grant=grant,
            locale=conversation.locale,
            time_zone=call.time_zone,
            caller_identity=call.caller_identity,
            late_ticket=self._tickets.issue(writer),
        )

    async def _answers(
        self, hold: Hold, requests: AsyncIterator[call_record.RecordRequest]
    ) -> AsyncGenerator[call_record.RecordResponse]:
        async with append_pipeline(self._log, hold, requests) as pipeline:
            while (outcomes := await pipeline.next_outcomes()) is not None:
                for response in responses(outcomes):
                    yield response
            close = pipeline.close
        if close is not None:
            await self._calls.close(hold.writer, close.reason)
            yield _end(call_record.RECORD_END_REASON_CALL_ENDED)
        elif (why := hold.end_reason) is HoldEnd.AGENT_REPLACED:
            raise StaleEpoch(hold.writer.epoch + 1)
        elif why in _END_REASONS:
            yield _end(_END_REASONS[why])


def responses(outcomes: Sequence[Stored | Refused]) -> list[call_record.RecordResponse]:
    """Return one `rejected` message for each refused draft, then one ack for all drafts."""
    answers = [
        call_record.RecordResponse(rejected=_rejected(outcome))
        for outcome in outcomes
        if isinstance(outcome, Refused)
    ]
    numbers = [outcome.number if isinstance(outcome, Stored) else 0 for outcome in outcomes]
    through = max(outcome.client_sequence for outcome in outcomes)
    return [
        *answers,
        call_record.RecordResponse(
            ack=call_record.RecordAck(through_client_sequence=through, numbers=numbers)
        ),
    ]


def _rejected(refused: Refused) -> call_record.RecordRejected:
    return call_record.RecordRejected(
        client_sequence=refused.client_sequence, status=status_for(refused.error, ERRORS)
    )


def _end(reason: call_record.RecordEndReason.ValueType) -> call_record.RecordResponse:
    return call_record.RecordResponse(end=call_record.RecordEnd(reason=reason))
