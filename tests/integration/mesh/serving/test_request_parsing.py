"""Requests are parsed after their caller was admitted, within their method's size limit."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from typing import Any

import grpc
import psutil
import pytest
import pytest_asyncio
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1 import conversation_service_pb2_grpc as conversation_grpc
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record
from readback.internal.conversation.v1 import call_record_service_pb2_grpc as call_record_grpc

from mesh.calling.channel import open_channel
from mesh.errors import reason_of, violations_of
from mesh.ids import uuid7
from mesh.security.authentication import TokenVerifier, bearer
from mesh.serving.grpc_server import GrpcService, running
from tests.mesh_tokens import KID, SigningKey

pytestmark = pytest.mark.integration

CONVERSATION = conversation.DESCRIPTOR.services_by_name["ConversationService"]
CALL_RECORD = call_record.DESCRIPTOR.services_by_name["CallRecordService"]
EMPTY_DRAFTS = b"\x22\x06\x1a\0\x22\0\x32\0" * 520_000
"""A body of 4 MB that parses into 520,000 messages; compressed it has 6 kB."""
MALFORMED = b"\xff\xff\xff"


class Servicer(conversation_grpc.ConversationServiceServicer, call_record_grpc.CallRecordServiceServicer):
    """Counts the requests that reach it."""

    def __init__(self) -> None:
        self.requests = 0

    async def Append(self, request, context):
        self.requests += 1
        return call_record.AppendResponse()

    async def StartConversation(self, request, context):
        self.requests += 1
        return conversation.StartConversationResponse()

    async def Record(self, request_iterator, context):
        async for _ in request_iterator:
            self.requests += 1
            yield call_record.RecordResponse()


class Mesh:
    """A server, a channel that sends bytes as they are, and a signing key."""

    def __init__(self, servicer: Servicer, channel: grpc.aio.Channel, key: SigningKey) -> None:
        self.servicer, self.channel, self.key = servicer, channel, key

    async def send(self, name: str, body: bytes, token: str | None = None, **options: Any) -> bytes:
        """Call a unary method with a raw body."""
        service = CALL_RECORD if name in CALL_RECORD.methods_by_name else CONVERSATION
        call: Any = self.channel.unary_unary(f"/{service.full_name}/{name}")
        answer: bytes = await call(body, metadata=bearer(token) if token else (), **options)
        return answer

    async def refused(self, name: str, body: bytes, token: str | None = None, **options: Any) -> Any:
        """Call a unary method that must fail; return its error."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.send(name, body, token, **options)
        assert self.servicer.requests == 0
        return caught.value


@pytest_asyncio.fixture
async def mesh() -> AsyncIterator[Mesh]:
    key, servicer = SigningKey(), Servicer()  # type: ignore[abstract]  # only what the tests call

    async def keys(kid: str):
        return key.public if kid == KID else None

    def add(server: grpc.aio.Server) -> None:
        conversation_grpc.add_ConversationServiceServicer_to_server(servicer, server)
        call_record_grpc.add_CallRecordServiceServicer_to_server(servicer, server)

    service = GrpcService("test", [CONVERSATION, CALL_RECORD], add, {}, TokenVerifier(keys))
    async with running(service) as server, open_channel(server.address, CONVERSATION, CALL_RECORD) as channel:
        yield Mesh(servicer, channel, key)


async def test_a_caller_without_a_token_gets_nothing_parsed(mesh: Mesh) -> None:
    error = await mesh.refused("StartConversation", MALFORMED)
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_malformed_request_is_an_invalid_argument(mesh: Mesh) -> None:
    error = await mesh.refused("StartConversation", MALFORMED, mesh.key.token(sub="customer-1"))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert reason_of(error) == "INVALID_REQUEST"


async def test_a_malformed_message_of_a_stream_is_an_invalid_argument(mesh: Mesh) -> None:
    call: Any = mesh.channel.stream_stream(f"/{CALL_RECORD.full_name}/Record")(
        metadata=bearer(mesh.key.service_token())
    )
    await call.write(MALFORMED)
    with pytest.raises(grpc.aio.AioRpcError):
        await call.read()
    assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_request_above_its_methods_limit_is_refused_with_both_sizes(mesh: Mesh) -> None:
    request = conversation.StartConversationRequest(locale="x" * 70_000)
    token = mesh.key.token(sub="customer-1")
    error = await mesh.refused("StartConversation", request.SerializeToString(), token)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    ((field, description),) = violations_of(error)
    assert (field, "65536" in description) == ("request", True)


async def test_the_size_limit_holds_for_what_is_decompressed(mesh: Mesh) -> None:
    token = mesh.key.token(sub="customer-1")
    error = await mesh.refused(
        "StartConversation", bytes(4_000_000), token, compression=grpc.Compression.Gzip
    )
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert violations_of(error)[0].field == "request"
    error = await mesh.refused("StartConversation", b"\x1f\x8b\x08 and no more", token)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    request = conversation.StartConversationRequest(request_id=uuid7()).SerializeToString()
    await mesh.send("StartConversation", request, token, compression=grpc.Compression.Gzip)


async def test_compressed_bodies_of_strangers_cost_no_memory(mesh: Mesh) -> None:
    assert len(gzip.compress(EMPTY_DRAFTS)) < 10_000
    process = psutil.Process()
    await mesh.refused("Append", EMPTY_DRAFTS, compression=grpc.Compression.Gzip)
    before = process.memory_info().rss
    for _ in range(100):
        error = await mesh.refused("Append", EMPTY_DRAFTS, compression=grpc.Compression.Gzip)
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert process.memory_info().rss - before < 30e6
