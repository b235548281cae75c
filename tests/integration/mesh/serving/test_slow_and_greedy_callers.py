"""Callers that are slow, or that open more than they need, are refused cheaply and delay no one else."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import grpc
import httpx
import psutil
import pytest
import pytest_asyncio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1 import conversation_service_pb2_grpc as conversation_grpc

from mesh.calling.channel import open_channel
from mesh.errors import retry_after_of
from mesh.ids import uuid7
from mesh.security.authentication import TokenVerifier, bearer
from mesh.serving.grpc_server import GrpcService, ServerSettings, running
from mesh.serving.health_and_metrics import MAX_PROBES, serving_probes
from mesh.serving.limits import LimitSettings
from mesh.serving.ports import Endpoint
from tests.mesh_tokens import KID, SigningKey
from tests.product import wait_until_ready
from tests.raw_http2 import (
    GOAWAY,
    HEADERS,
    PING,
    RST_STREAM,
    RawConnection,
    frame,
    header_block,
    message,
    raw_connection,
)

pytestmark = pytest.mark.integration

SERVICE = conversation.DESCRIPTOR.services_by_name["ConversationService"]
START = f"/{SERVICE.full_name}/StartConversation"
HEALTH_CHECK = "/grpc.health.v1.Health/Check"
HEALTH_WATCH = "/grpc.health.v1.Health/Watch"
INVALID_ARGUMENT, RESOURCE_EXHAUSTED = (
    code.value[0] for code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED)
)
STRANGER = "127.0.0.9"
LIMITS = LimitSettings(
    unary=8,
    unary_per_caller=2,
    unary_of_strangers=4,
    waiting=4,
    streams_per_caller=3,
    streams_of_strangers=5,
    connections=40,
    request_seconds=0.5,
    handshake_seconds=1,
    idle_seconds=1,
)


class Servicer(conversation_grpc.ConversationServiceServicer):
    """Answers at once."""

    async def StartConversation(self, request, context):
        return conversation.StartConversationResponse()


class Served:
    """A server with small limits, and a customer of it."""

    def __init__(self, address: str, key: SigningKey) -> None:
        self.address, self.key = address, key

    @property
    def token(self) -> tuple[bytes, bytes]:
        """Header field with a customer's token."""
        ((name, value),) = bearer(self.key.token())
        return name.encode(), value.encode()

    async def answers(self) -> None:
        """Call like a well-behaved customer, who tries again when the service is overloaded."""
        request = conversation.StartConversationRequest(request_id=uuid7())
        async with open_channel(self.address, SERVICE) as channel:
            stub = conversation_grpc.ConversationServiceStub(channel)
            while True:
                try:
                    await stub.StartConversation(request, metadata=bearer(self.key.token()), timeout=5)
                except grpc.aio.AioRpcError as error:
                    wait = retry_after_of(error)
                    if wait is None:
                        raise
                    await asyncio.sleep(wait.total_seconds())
                else:
                    return


@asynccontextmanager
async def _serving(keepalive_seconds: int = 10) -> AsyncIterator[Served]:
    key, servicer = SigningKey(), Servicer()  # type: ignore[abstract]  # only what the tests call

    async def keys(kid: str):
        return key.public if kid == KID else None

    def add(server: grpc.aio.Server) -> None:
        conversation_grpc.add_ConversationServiceServicer_to_server(servicer, server)

    service = GrpcService("test", [SERVICE], add, {}, TokenVerifier(keys))
    changed = ServerSettings(
        notice_seconds=0, drain_seconds=0, keepalive_seconds=keepalive_seconds, limits=LIMITS
    )
    async with running(service, settings=changed) as server:
        yield Served(server.address, key)


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    # Not with a short keepalive: it would close connections while a busy machine stands still.
    async with _serving() as server:
        yield server


def asked(service: str = "") -> bytes:
    """A health request as a message."""
    return message(health_pb2.HealthCheckRequest(service=service).SerializeToString())


async def test_a_request_that_does_not_arrive_is_refused_in_time(served: Served) -> None:
    async with asyncio.timeout(10), raw_connection(served.address) as caller:
        assert await caller.status(caller.open(START, served.token)) == INVALID_ARGUMENT
        half = message(b"x" * 100)[:50]
        assert await caller.status(caller.open(START, served.token, body=half)) == INVALID_ARGUMENT
    await served.answers()


async def test_a_stream_that_ends_without_its_request_is_refused(served: Served) -> None:
    async with asyncio.timeout(10), raw_connection(served.address) as caller:
        assert await caller.status(caller.open(START, served.token, end=True)) == INVALID_ARGUMENT


async def test_too_many_slow_requests_end_the_oldest_and_hold_up_no_one(served: Served) -> None:
    async with asyncio.timeout(10), AsyncExitStack() as stack:
        slow = []
        for host in range(10, 20):
            caller = await stack.enter_async_context(raw_connection(served.address, source=f"127.0.0.{host}"))
            slow += [(caller, caller.open(HEALTH_CHECK)) for _ in range(5)]
        oldest, stream = slow[0]
        assert await oldest.status(stream) == INVALID_ARGUMENT
        assert await oldest.status(oldest.open(HEALTH_CHECK, body=asked(), end=True)) == 0
        await served.answers()


async def _refused_watches(caller: RawConnection, count: int) -> int:
    """Open health watches; return how many are refused."""
    streams = {caller.open(HEALTH_WATCH, body=asked(), end=True) for _ in range(count)}
    refused = 0
    async for received in caller.frames():
        if received.kind == HEADERS and received.stream in streams:
            streams.discard(received.stream)
            refused += b"grpc-status\x018" in received.payload
        if not streams:
            break
    return refused


async def test_health_watches_have_a_limit_per_source_and_in_total(served: Served) -> None:
    async with asyncio.timeout(10), AsyncExitStack() as stack:
        connect = stack.enter_async_context
        first = await connect(raw_connection(served.address, source=STRANGER))
        assert await _refused_watches(first, 10) == 7
        again = await connect(raw_connection(served.address, source=STRANGER))
        assert await _refused_watches(again, 10) == 10
        other = await connect(raw_connection(served.address, source="127.0.0.10"))
        assert await _refused_watches(other, 10) == 8
        await served.answers()


async def test_connections_above_the_limit_are_closed_and_others_keep_working(served: Served) -> None:
    async with asyncio.timeout(20), AsyncExitStack() as stack:
        kept = await stack.enter_async_context(grpc.aio.insecure_channel(served.address))
        health = health_pb2_grpc.HealthStub(kept)
        await health.Check(health_pb2.HealthCheckRequest())
        flood = [
            await stack.enter_async_context(raw_connection(served.address, source=STRANGER))
            for _ in range(2 * LIMITS.connections)
        ]
        await asyncio.gather(*(caller.closed() for caller in flood[LIMITS.connections :]))
        await health.Check(health_pb2.HealthCheckRequest())


@pytest.mark.parametrize(
    "begin", [b"", b"PRI * HTTP/2.0\r\n\r\nSM", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x02\0\x01"]
)
async def test_a_connection_that_does_not_begin_is_closed(served: Served, begin: bytes) -> None:
    async with asyncio.timeout(10), raw_connection(served.address, begin=begin) as caller:
        await caller.closed()


async def test_an_idle_connection_is_closed(served: Served) -> None:
    async with asyncio.timeout(10), raw_connection(served.address) as caller:
        kinds = [received.kind async for received in caller.frames()]
        assert GOAWAY in kinds


async def test_half_a_frame_ends_its_connection() -> None:
    async with (
        asyncio.timeout(15),
        _serving(keepalive_seconds=1) as served,
        raw_connection(served.address) as caller,
    ):
        caller.open(HEALTH_WATCH, body=asked(), end=True)
        block = header_block([(b":path", b"/" + b"x" * 1000)])
        caller.send(frame(HEADERS, 4, 3, block)[:500])
        # The ping's answer would be read as the rest of the frame, so the server hears none.
        await caller.closed()


async def test_a_flood_of_pings_ends_its_connection(served: Served) -> None:
    async with asyncio.timeout(10), raw_connection(served.address) as caller:
        caller.send(*(frame(PING, payload=b"readback") for _ in range(1000)))
        reasons = [frame.payload[8:] async for frame in caller.frames() if frame.kind == GOAWAY]
        assert any(b"too_many_pings" in reason for reason in reasons)
    await served.answers()


async def test_reset_streams_leave_nothing(served: Served) -> None:
    process = psutil.Process()
    async with asyncio.timeout(30):
        for turn in range(6):
            if turn == 1:
                before = process.memory_info().rss
            async with raw_connection(served.address, source=STRANGER) as caller:
                for _ in range(400):
                    stream = caller.open(START, served.token)
                    caller.send(frame(RST_STREAM, stream=stream, payload=b"\0\0\0\x08"))
                await caller.writer.drain()
                await caller.status(caller.open(START, end=True))
        await served.answers()
    assert process.memory_info().rss - before < 30e6


@pytest.fixture
def probes() -> Iterator[int]:
    with serving_probes("test", Endpoint("127.0.0.1", 0, "READBACK_TEST_HTTP_PORT"), lambda: True) as port:
        yield port


async def test_slow_probes_hold_few_threads_and_delay_no_other(probes: int) -> None:
    before, slow = threading.active_count(), []
    try:
        for _ in range(4 * MAX_PROBES):
            slow.append(socket.create_connection(("127.0.0.1", probes)))
            slow[-1].send(b"GET /health HTTP/1.1\r\nx: ")
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"http://127.0.0.1:{probes}/health", timeout=5)
        assert answer.status_code == 200
        wait_until_ready(partial(_assert_threads, before + MAX_PROBES + 1), AssertionError)
    finally:
        for connection in slow:
            connection.close()


def _assert_threads(most: int) -> None:
    assert threading.active_count() <= most
