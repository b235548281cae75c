"""gRPC servicer of the call record: what the agent that holds a call may ask and write."""
# ruff: noqa: ARG002 -- gRPC passes a context to every method

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from readback.internal.conversation.v1 import call_record_service_pb2 as pb
from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceServicer

from mesh.security.authentication import current_customer
from services.conversation.calls import calls
from services.conversation.calls.grants import holds_grant_of
from services.conversation.errors import CallNotFound
from services.conversation.log.transcript_log import TranscriptLog
from services.conversation.log.writer_fence import LateTickets, Writer
from services.conversation.record.stream import RecordStreams
from services.conversation.store import Store

Context = Any  # the generated servicer's context type is generic over messages, which isn't useful here


class CallRecordServicer(CallRecordServiceServicer):
    """Servicer of `readback.internal.conversation.v1.CallRecordService`."""

    def __init__(
        self, store: Store, log: TranscriptLog, tickets: LateTickets, records: RecordStreams
    ) -> None:
        self._store, self._log, self._tickets, self._records = store, log, tickets, records

    async def CheckDispatch(
        self, request: pb.CheckDispatchRequest, context: Context
    ) -> pb.CheckDispatchResponse:
        """Check whether a dispatch is current."""
        async with self._store.reading() as transaction:
            await calls.require_current(transaction, request.call_id, request.epoch)
        return pb.CheckDispatchResponse()

    async def Record(
        self, request_iterator: AsyncIterator[pb.RecordRequest], context: Context
    ) -> AsyncIterator[pb.RecordResponse]:
        """Hold a call for an agent and record its log."""
        async with aclosing(self._records.record(aiter(request_iterator))) as responses:
            async for response in responses:
                yield response

    async def Append(self, request: pb.AppendRequest, context: Context) -> pb.AppendResponse:
        """Append entries without a stream."""
        writer = Writer(request.call_id.lower(), request.epoch, request.writer_id.lower())
        if holds_grant_of(request.call_id):
            # The id in the grant isn't proof, because the customer chose it. Check who owns the call.
            async with self._store.reading() as transaction:
                await calls.owned(transaction, current_customer(), request.call_id)
        elif not self._tickets.is_valid(writer, request.late_ticket):
            raise CallNotFound
        stored = await self._log.append_all(writer, request.drafts)
        return pb.AppendResponse(
            drafts=[pb.AckedDraft(client_sequence=s.client_sequence, number=s.number) for s in stored]
        )
