"""Scripted conversation service on a socket, for answers that the real service rarely gives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub

SERVICE = "readback.conversation.v1.ConversationService"
Recording = Callable[[AsyncIterator[pb.RecordRequest], Any], AsyncIterator[pb.RecordResponse]]
Following = Callable[[pb.WatchRequest, Any], AsyncIterator[pb.WatchResponse]]


class Scripted:
    """Service that runs one script per stream, in order; the last script serves all further streams."""

    def __init__(
        self, *, record: list[Recording] | None = None, watch: list[Following] | None = None
    ) -> None:
        self._record, self._watch = record or [], watch or []
        self.watched: list[pb.WatchRequest] = []
        self.appended: list[pb.AppendRequest] = []
        self.streams = 0
        self.target = ""
        """Address of the service."""
        self.on_append: Callable[[Any], Awaitable[None]] | None = None

    async def record(
        self, request_iterator: AsyncIterator[pb.RecordRequest], context: Any
    ) -> AsyncIterator[pb.RecordResponse]:
        script = self._record[min(self.streams, len(self._record) - 1)]
        self.streams += 1
        async for response in script(request_iterator, context):
            yield response

    async def watch(self, request: pb.WatchRequest, context: Any) -> AsyncIterator[pb.WatchResponse]:
        self.watched.append(request)
        async for response in self._watch[min(len(self.watched), len(self._watch)) - 1](request, context):
            yield response

    async def append(self, request: pb.AppendRequest, context: Any) -> pb.AppendResponse:
        self.appended.append(request)
        if self.on_append is not None:
            await self.on_append(context)
        return pb.AppendResponse()


@asynccontextmanager
async def serving(script: Scripted) -> AsyncIterator[Any]:
    """Serve a script until the block ends; yield a stub."""
    server = grpc.aio.server()
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "Record": grpc.stream_stream_rpc_method_handler(
            script.record, pb.RecordRequest.FromString, pb.RecordResponse.SerializeToString
        ),
        "Watch": grpc.unary_stream_rpc_method_handler(
            script.watch, pb.WatchRequest.FromString, pb.WatchResponse.SerializeToString
        ),
        "Append": grpc.unary_unary_rpc_method_handler(
            script.append, pb.AppendRequest.FromString, pb.AppendResponse.SerializeToString
        ),
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])
    healthy = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    await healthy.set(SERVICE, health_pb2.HealthCheckResponse.SERVING)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    script.target = f"127.0.0.1:{port}"
    try:
        async with grpc.aio.insecure_channel(script.target) as channel:
            yield ConversationServiceStub(channel)
    finally:
        await server.stop(0)


def entry(number: int) -> pb.WatchResponse:
    """Return an entry with a cursor that contains its number."""
    return pb.WatchResponse(cursor=f"after {number}", entry=entry_pb2.Entry(number=number))


def entries(*numbers: int) -> pb.WatchResponse:
    """Return several entries in one message, with a cursor that contains the last number."""
    batch = pb.EntryBatch(entries=[entry_pb2.Entry(number=number) for number in numbers])
    return pb.WatchResponse(cursor=f"after {numbers[-1]}", entries=batch)


def ended(reason: pb.StreamEndReason.ValueType, cursor: str = "") -> pb.WatchResponse:
    """Return the end of a watch."""
    return pb.WatchResponse(cursor=cursor, end=pb.WatchEnd(reason=reason))


def acked(request: pb.RecordRequest, number: int = 1) -> pb.RecordResponse:
    """Return an ack for all drafts in a message; their entries get numbers from `number` on."""
    drafts = request.append.drafts
    numbers = [
        0 if draft.HasField("open_utterance") else number + index for index, draft in enumerate(drafts)
    ]
    return pb.RecordResponse(
        ack=pb.RecordAck(through_client_sequence=drafts[-1].client_sequence, numbers=numbers)
    )
