"""Servers for the floors: a `grpc.aio` server that stores nothing, and a TCP echo server.

python -m bench.transcript_log.testbed.floor_server GRPC_PORT TCP_PORT
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import AsyncIterator
from typing import Any

import grpc
import uvloop
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

SERVICE = "bench.Floor"


async def unary(request: call_record.RecordRequest, _context: Any) -> call_record.RecordResponse:
    """Acknowledge one message."""
    return _ack(request)


async def pingpong(
    requests: AsyncIterator[call_record.RecordRequest], _context: Any
) -> AsyncIterator[call_record.RecordResponse]:
    """Acknowledge each message of a stream."""
    async for request in requests:
        yield _ack(request)


async def entries(request: entry_pb2.Entry, _context: Any) -> AsyncIterator[pb.WatchResponse]:
    """Send `request` repeatedly, each time in its own message; its number is the number of messages."""
    template = pb.WatchResponse(cursor="x" * 60, entry=request)
    for number in range(1, request.number + 1):
        response = pb.WatchResponse()
        response.CopyFrom(template)
        response.entry.number = number
        yield response


def _ack(request: call_record.RecordRequest) -> call_record.RecordResponse:
    return call_record.RecordResponse(
        ack=call_record.RecordAck(through_client_sequence=request.append.drafts[-1].client_sequence)
    )


def _handlers() -> grpc.GenericRpcHandler:
    received, sent = call_record.RecordRequest.FromString, call_record.RecordResponse.SerializeToString
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary, received, sent),
        "PingPong": grpc.stream_stream_rpc_method_handler(pingpong, received, sent),
        "Entries": grpc.unary_stream_rpc_method_handler(
            entries, entry_pb2.Entry.FromString, pb.WatchResponse.SerializeToString
        ),
    }
    return grpc.method_handlers_generic_handler(SERVICE, handlers)


def echo(port: int) -> None:
    """Return all received bytes over TCP, for one connection after another."""
    with socket.create_server(("127.0.0.1", port)) as server:
        while True:
            connection, _ = server.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection:
                while data := connection.recv(4096):
                    connection.sendall(data)


async def serve(port: int) -> None:
    """Serve until the process ends."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([_handlers()])
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    threading.Thread(target=echo, args=(int(sys.argv[2]),), daemon=True).start()
    uvloop.run(serve(int(sys.argv[1])))
