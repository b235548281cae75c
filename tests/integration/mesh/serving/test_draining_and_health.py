"""A stopping server reports it first, ends its streams, and lets running calls finish."""

from __future__ import annotations

import asyncio
import logging

import grpc
import httpx
import pytest
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1 import conversation_service_pb2_grpc as conversation_grpc

from mesh.calling.channel import open_channel
from mesh.logs import configure
from mesh.security.authentication import TokenVerifier, bearer
from mesh.serving.grpc_server import GrpcService, ServerSettings, running
from mesh.serving.health_and_metrics import serving_probes
from mesh.serving.ports import Endpoint
from mesh.settings import MeshSettings, load
from tests.mesh_tokens import SigningKey

pytestmark = pytest.mark.integration

SERVICE = conversation.DESCRIPTOR.services_by_name["ConversationService"]
CONVERSATION = "01936d1c-7f5e-7a30-9d2e-0f5a6f2f9d11"


class Slow(conversation_grpc.ConversationServiceServicer):
    """Watches until drained; answers a unary call only after that."""

    def __init__(self) -> None:
        self.draining, self.called = asyncio.Event(), asyncio.Event()

    async def Watch(self, request, context):
        yield conversation.WatchResponse(cursor="1")
        await self.draining.wait()
        yield conversation.WatchResponse(
            end=conversation.WatchEnd(reason=conversation.WATCH_END_REASON_DRAINING)
        )

    async def GetConversation(self, request, context):
        self.called.set()
        await self.draining.wait()
        await asyncio.sleep(0.05)
        return conversation.GetConversationResponse()


async def test_a_stopping_server_ends_streams_in_order_and_finishes_running_calls() -> None:
    key = SigningKey()
    servicer = Slow()  # type: ignore[abstract]  # only the RPCs that the promise needs
    seen: list[int] = []

    async def keys(_kid: str):
        return key.public

    async def drain() -> None:
        async with grpc.aio.insecure_channel(address) as other:
            answer = await health_pb2_grpc.HealthStub(other).Check(
                health_pb2.HealthCheckRequest(service=SERVICE.full_name)
            )
        seen.append(answer.status)
        servicer.draining.set()

    def add(server: grpc.aio.Server) -> None:
        conversation_grpc.add_ConversationServiceServicer_to_server(servicer, server)

    service = GrpcService("slow", [SERVICE], add, {}, TokenVerifier(keys), drain)
    stopped = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:

        async def serve(started: asyncio.Future[str], stop: asyncio.Event) -> None:
            async with running(service, settings=ServerSettings(drain_seconds=5)) as server:
                started.set_result(server.address)
                await stop.wait()
            stopped.set()

        started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        stop = asyncio.Event()
        tasks.create_task(serve(started, stop))
        address = await started
        async with open_channel(address, SERVICE) as channel:
            stub = conversation_grpc.ConversationServiceStub(channel)
            metadata = bearer(key.token())
            watch = stub.Watch(conversation.WatchRequest(conversation_id=CONVERSATION), metadata=metadata)
            assert await watch.read() == conversation.WatchResponse(cursor="1")
            unary = asyncio.ensure_future(
                stub.GetConversation(
                    conversation.GetConversationRequest(conversation_id=CONVERSATION), metadata=metadata
                )
            )
            await servicer.called.wait()
            stop.set()
            last = conversation.WatchEnd(reason=conversation.WATCH_END_REASON_DRAINING)
            assert await watch.read() == conversation.WatchResponse(end=last)
            assert await watch.read() is grpc.aio.EOF
            assert (await watch.code()) is grpc.StatusCode.OK
            assert await unary == conversation.GetConversationResponse()
    assert stopped.is_set()
    assert seen == [health_pb2.HealthCheckResponse.NOT_SERVING]


async def test_probes_and_metrics_answer_over_http() -> None:
    healthy = True
    with serving_probes("test", Endpoint("127.0.0.1", 0, "READBACK_TEST_HTTP_PORT"), lambda: healthy) as port:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            assert (await client.get("/health")).json() == {"process": "test", "status": "serving"}
            healthy = False
            assert (await client.get("/health")).status_code == 503
            metrics = await client.get("/metrics")
            assert "readback_rpc_handled_total" in metrics.text
            assert (await client.get("/etc/passwd")).status_code == 404


@pytest.fixture
def _restored_logging():
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.usefixtures("_restored_logging")
def test_no_logger_writes_tokens(capsys: pytest.CaptureFixture[str]) -> None:
    configure(load(MeshSettings), "test")
    token = SigningKey().token()
    logging.getLogger("livekit").warning("401 for %s", token)
    structlog.get_logger("mesh").info("calling", header=f"Bearer {token}", password_hash=None)
    written = capsys.readouterr().err
    assert '"process": "test"' in written
    assert token not in written
    assert written.count("[redacted]") == 2
