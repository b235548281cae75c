"""Scripted conversation service on a socket, for answers that the real service rarely gives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record
from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceStub

RECORDS = "readback.internal.conversation.v1.CallRecordService"
Recording = Callable[
    [AsyncIterator[call_record.RecordRequest], Any], AsyncIterator[call_record.RecordResponse]
]
Following = Callable[[pb.WatchRequest, Any], AsyncIterator[pb.WatchResponse]]


class Scripted:
    """Service that runs one script per stream, in order; the last script serves all further streams."""

    def __init__(
        self, *, record: list[Recording] | None = None, watch: list[Following] | None = None
    ) -> None:
        self._record, self.watches = record or [], watch or []
        self.watched: list[pb.WatchRequest] = []
        self.appended: list[call_record.AppendRequest] = []
        self.streams = 0
        self.target = ""
        """Address of the service."""
        self.on_append: Callable[[Any], Awaitable[None]] | None = None

    async def record(
        self, request_iterator: AsyncIterator[call_record.RecordRequest], context: Any
    ) -> AsyncIterator[call_record.RecordResponse]:
        script = self._record[min(self.streams, len(self._record) - 1)]
        self.streams += 1
        async for response in script(request_iterator, context):
            yield response

    async def watch(self, request: pb.WatchRequest, context: Any) -> AsyncIterator[pb.WatchResponse]:
        self.watched.append(request)
        async for response in self.watches[min(len(self.watched), len(self.watches)) - 1](request, context):
            yield response

    async def append(self, request: call_record.AppendRequest, context: Any) -> call_record.AppendResponse:
        self.appended.append(request)
        if self.on_append is not None:
            await self.on_append(context)
        return call_record.AppendResponse()


@asynccontextmanager
async def serving(script: Scripted) -> AsyncIterator[Any]:
    """Serve a script until the block ends; yield a stub to watch with if the script has watches, or else one
    to record with."""
    server = grpc.aio.server()
    records: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "Record": grpc.stream_stream_rpc_method_handler(
            script.record, call_record.RecordRequest.FromString, call_record.RecordResponse.SerializeToString
        ),
        "Append": grpc.unary_unary_rpc_method_handler(
            script.append, call_record.AppendRequest.FromString, call_record.AppendResponse.SerializeToString
        ),
    }
    watches: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "Watch": grpc.unary_stream_rpc_method_handler(
            script.watch, pb.WatchRequest.FromString, pb.WatchResponse.SerializeToString
        ),
    }
    services = (("readback.conversation.v1.ConversationService", watches), (RECORDS, records))
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler(name, handlers) for name, handlers in services]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    script.target = f"127.0.0.1:{port}"
    try:
        async with grpc.aio.insecure_channel(script.target) as channel:
            yield ConversationServiceStub(channel) if script.watches else CallRecordServiceStub(channel)
    finally:
        await server.stop(0)


def entry(number: int) -> pb.WatchResponse:
    """Return an entry with a cursor that contains its number."""
    return pb.WatchResponse(cursor=f"after {number}", entry=entry_pb2.Entry(number=number))


def entries(*numbers: int) -> pb.WatchResponse:
    """Return several entries in one message, with a cursor that contains the last number."""
    batch = pb.EntryBatch(entries=[entry_pb2.Entry(number=number) for number in numbers])
    return pb.WatchResponse(cursor=f"after {numbers[-1]}", entries=batch)


def ended(reason: pb.WatchEndReason.ValueType, cursor: str = "") -> pb.WatchResponse:
    """Return the end of a watch."""
    return pb.WatchResponse(cursor=cursor, end=pb.WatchEnd(reason=reason))


def acked(request: call_record.RecordRequest, number: int = 1) -> call_record.RecordResponse:
    """Return an ack for all drafts in a message; their entries get numbers from `number` on."""
    drafts = request.append.drafts
    numbers = [
        0 if draft.HasField("open_utterance") else number + index for index, draft in enumerate(drafts)
    ]
    return call_record.RecordResponse(
        ack=call_record.RecordAck(through_client_sequence=drafts[-1].client_sequence, numbers=numbers)
    )
