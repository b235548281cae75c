"""A real server and a real channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import grpc
import pytest
import pytest_asyncio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1 import conversation_service_pb2_grpc as conversation_grpc

from mesh.calling.channel import open_channel, streaming
from mesh.errors import DomainError, ErrorTable, metadata_of, reason_of, retry_after_of, violations_of
from mesh.security.authentication import TokenVerifier, bearer, current_customer
from mesh.serving.grpc_server import GrpcService, RunningServer, ServerSettings, running
from mesh.serving.limits import LimitSettings
from tests.mesh_tokens import KID, SigningKey

pytestmark = pytest.mark.integration

SERVICE = conversation.DESCRIPTOR.services_by_name["ConversationService"]
CONVERSATION = "01936d1c-7f5e-7a30-9d2e-0f5a6f2f9d11"


class QuoteTooOld(DomainError):
    """An error of the table below."""


class Servicer(conversation_grpc.ConversationServiceServicer):
    """Answers in the ways that the tests need."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.failures = 0
        self.customers: list[str] = []

    async def GetConversation(self, request, context):
        self.customers.append(current_customer())
        if self.failures:
            self.failures -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "try again")
        return conversation.GetConversationResponse(
            conversation=conversation.Conversation(conversation_id=request.conversation_id)
        )

    async def StartConversation(self, request, context):
        raise RuntimeError("database password is hunter2")

    async def EndConversation(self, request, context):
        raise QuoteTooOld(
            "The quote has expired.",
            metadata={"quote": "q1"},
            retry_after=timedelta(seconds=2),
            field="quote_id",
        )

    async def Watch(self, request, context):
        try:
            yield conversation.WatchResponse(cursor="1")
            if request.HasField("heartbeat_interval"):
                raise RuntimeError("database password is hunter2")
            await asyncio.Event().wait()
        finally:
            self.gone.set()


class Mesh:
    """A server, a stub, and a key that signs tokens."""

    def __init__(self, servicer: Servicer, server: RunningServer, stub, key: SigningKey) -> None:
        self.servicer, self.server, self.stub, self.key = servicer, server, stub, key

    def customer(self, name: str = "customer-1"):
        return bearer(self.key.token(sub=name))


@pytest_asyncio.fixture
async def mesh() -> AsyncIterator[Mesh]:
    key = SigningKey()
    servicer = Servicer()  # type: ignore[abstract]  # only the RPCs that the promises need

    async def keys(kid: str):
        return key.public if kid == KID else None

    def add(server: grpc.aio.Server) -> None:
        conversation_grpc.add_ConversationServiceServicer_to_server(servicer, server)

    table: ErrorTable = {QuoteTooOld: (grpc.StatusCode.FAILED_PRECONDITION, "QUOTE_TOO_OLD")}
    service = GrpcService("test", [SERVICE], add, table, TokenVerifier(keys))
    settings = ServerSettings(drain_seconds=0.1, limits=LimitSettings(streams_per_caller=3, unary=100))
    async with (
        running(service, settings=settings) as server,
        open_channel(server.address, SERVICE) as channel,
    ):
        yield Mesh(servicer, server, conversation_grpc.ConversationServiceStub(channel), key)


async def test_an_unexpected_error_reaches_the_caller_as_a_correlation_id_only(mesh: Mesh) -> None:
    request = conversation.StartConversationRequest(request_id=CONVERSATION)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await mesh.stub.StartConversation(request, metadata=mesh.customer())
    assert raised.value.code() is grpc.StatusCode.INTERNAL
    assert "hunter2" not in str(raised.value)
    assert metadata_of(raised.value)["correlation_id"] in (raised.value.details() or "")


async def test_an_error_while_a_stream_iterates_is_answered_the_same_way(mesh: Mesh) -> None:
    request = conversation.WatchRequest(conversation_id=CONVERSATION)
    request.heartbeat_interval.seconds = 1
    received = []
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        async with streaming(mesh.stub.Watch(request, metadata=mesh.customer())) as stream:
            async for response in stream:
                received.append(response.cursor)
    assert received == ["1"]
    assert raised.value.code() is grpc.StatusCode.INTERNAL
    assert "hunter2" not in str(raised.value)


async def test_a_domain_error_arrives_with_reason_metadata_field_and_delay(mesh: Mesh) -> None:
    request = conversation.EndConversationRequest(conversation_id=CONVERSATION, request_id=CONVERSATION)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await mesh.stub.EndConversation(request, metadata=mesh.customer())
    error = raised.value
    assert (error.code(), reason_of(error)) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "QUOTE_TOO_OLD",
    )
    assert metadata_of(error) == {"quote": "q1"}
    assert retry_after_of(error) == timedelta(seconds=2)
    assert violations_of(error)[0].field == "quote_id"


async def test_an_invalid_field_is_named(mesh: Mesh) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await mesh.stub.GetConversation(
            conversation.GetConversationRequest(conversation_id="no uuid"), metadata=mesh.customer()
        )
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in violations_of(raised.value)] == ["conversation_id"]
    assert mesh.servicer.customers == []


async def test_the_customer_comes_from_the_token(mesh: Mesh) -> None:
    await mesh.stub.GetConversation(
        conversation.GetConversationRequest(conversation_id=CONVERSATION), metadata=mesh.customer("ada")
    )
    assert mesh.servicer.customers == ["ada"]


async def test_only_idempotent_calls_are_retried(mesh: Mesh) -> None:
    mesh.servicer.failures = 2
    request = conversation.GetConversationRequest(conversation_id=CONVERSATION)
    await mesh.stub.GetConversation(request, metadata=mesh.customer())
    assert len(mesh.servicer.customers) == 3


async def test_leaving_a_stream_early_ends_its_handler(mesh: Mesh) -> None:
    async with streaming(
        mesh.stub.Watch(conversation.WatchRequest(conversation_id=CONVERSATION), metadata=mesh.customer())
    ) as stream:
        async for _ in stream:
            break
    await asyncio.wait_for(mesh.servicer.gone.wait(), 5)


async def test_one_caller_cannot_open_all_streams(mesh: Mesh) -> None:
    request = conversation.WatchRequest(conversation_id=CONVERSATION)
    calls = [mesh.stub.Watch(request, metadata=mesh.customer("greedy")) for _ in range(3)]
    for call in calls:
        assert (await call.read()).cursor == "1"
    one_too_many = mesh.stub.Watch(request, metadata=mesh.customer("greedy"))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await one_too_many.read()
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert retry_after_of(raised.value) is not None
    another = mesh.stub.Watch(request, metadata=mesh.customer("modest"))
    assert (await another.read()).cursor == "1"
    for call in [*calls, another]:
        call.cancel()


async def test_health_answers_without_a_token(mesh: Mesh) -> None:
    async with grpc.aio.insecure_channel(mesh.server.address) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(service=SERVICE.full_name)
        )
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("header", ["Bearer", "Basic abc", "Bearer " + "x" * 9000, "Bearer a.b.c", ""])
async def test_a_malformed_authorization_header_is_unauthenticated(mesh: Mesh, header: str) -> None:
    request = conversation.GetConversationRequest(conversation_id=CONVERSATION)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await mesh.stub.GetConversation(request, metadata=(("authorization", header),))
    assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("first_is_good", [True, False])
async def test_two_authorization_headers_are_refused(mesh: Mesh, first_is_good: bool) -> None:
    request = conversation.GetConversationRequest(conversation_id=CONVERSATION)
    headers = [*mesh.customer(), *bearer("a.b.c")]
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await mesh.stub.GetConversation(request, metadata=headers if first_is_good else headers[::-1])
    assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED
