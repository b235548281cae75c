"""Several replicas behind one channel: round robin, draining, and no failed calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
import pytest
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1 import conversation_service_pb2_grpc as conversation_grpc

from mesh.calling.channel import grpc_target, open_channel, streaming
from mesh.errors import reason_of, retry_after_of
from mesh.security.authentication import TokenVerifier, bearer
from mesh.serving.grpc_server import GrpcService, ServerSettings, running
from mesh.serving.limits import LimitSettings
from mesh.serving.ports import Endpoint
from tests.mesh_tokens import SigningKey
from tests.product import free_ports

pytestmark = pytest.mark.integration

SERVICE = conversation.DESCRIPTOR.services_by_name["ConversationService"]
CONVERSATION = "01936d1c-7f5e-7a30-9d2e-0f5a6f2f9d11"
KEY = SigningKey()


class Replica(conversation_grpc.ConversationServiceServicer):
    """Counts its calls."""

    def __init__(self) -> None:
        self.asked = 0
        self.draining = asyncio.Event()
        self.hold = asyncio.Event()
        self.hold.set()

    async def GetConversation(self, request, context):
        self.asked += 1
        await self.hold.wait()
        return conversation.GetConversationResponse()

    async def StartCall(self, request, context):
        self.asked += 1
        return conversation.StartCallResponse()

    async def Watch(self, request, context):
        yield conversation.WatchResponse(cursor="1")
        await self.draining.wait()
        yield conversation.WatchResponse(
            end=conversation.WatchEnd(reason=conversation.WATCH_END_REASON_DRAINING)
        )

    async def drain(self) -> None:
        self.draining.set()


@asynccontextmanager
async def serving(replica: Replica, port: int = 0, limits: LimitSettings | None = None) -> AsyncIterator[str]:
    async def keys(_kid: str) -> Any:
        return KEY.public

    def add(server: grpc.aio.Server) -> None:
        conversation_grpc.add_ConversationServiceServicer_to_server(replica, server)

    service = GrpcService("replica", [SERVICE], add, {}, TokenVerifier(keys), replica.drain)
    settings = ServerSettings(notice_seconds=0.1, drain_seconds=2, limits=limits or LimitSettings())
    async with running(service, endpoint=Endpoint(port=port), settings=settings) as server:
        yield server.address


def replica() -> Replica:
    return Replica()  # type: ignore[abstract]  # only the RPCs that the promises need


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("127.0.0.1:50052", "dns:///127.0.0.1:50052"),
        ("conversation:50052", "dns:///conversation:50052"),
        ("dns:///conversation:50052", "dns:///conversation:50052"),
        ("127.0.0.1:1, 127.0.0.1:2", "ipv4:127.0.0.1:1,127.0.0.1:2"),
        ("[::1]:1,[::1]:2", "ipv6:[::1]:1,[::1]:2"),
        ("ipv4:127.0.0.1:1,127.0.0.1:2", "ipv4:127.0.0.1:1,127.0.0.1:2"),
        ("unix:/run/readback.sock", "unix:/run/readback.sock"),
    ],
)
def test_an_address_is_a_host_a_dns_name_or_a_list(address: str, target: str) -> None:
    assert grpc_target(address) == target


async def test_calls_are_distributed_over_the_replicas_of_a_list() -> None:
    one, other = replica(), replica()
    async with (
        serving(one) as first,
        serving(other) as second,
        open_channel(f"{first},{second}", SERVICE) as channel,
    ):
        stub = conversation_grpc.ConversationServiceStub(channel)
        async with asyncio.timeout(10):
            while not (one.asked and other.asked):
                await stub.GetConversation(
                    conversation.GetConversationRequest(conversation_id=CONVERSATION),
                    metadata=bearer(KEY.token(sub="ada")),
                )


async def test_no_call_fails_while_replicas_restart_under_load() -> None:
    replicas = [replica(), replica()]
    ports = free_ports(2)
    tokens = bearer(KEY.token(sub="ada"))
    answered, over = 0, False
    async with AsyncExitStack() as stack:
        served = [AsyncExitStack(), AsyncExitStack()]
        for servers, one, port in zip(served, replicas, ports, strict=True):
            await servers.enter_async_context(serving(one, port))
        channel = await stack.enter_async_context(
            open_channel(",".join(f"127.0.0.1:{port}" for port in ports), SERVICE)
        )
        stub = conversation_grpc.ConversationServiceStub(channel)

        async def load() -> None:
            nonlocal answered
            while not over:
                await stub.GetConversation(
                    conversation.GetConversationRequest(conversation_id=CONVERSATION), metadata=tokens
                )
                await stub.StartCall(
                    conversation.StartCallRequest(conversation_id=CONVERSATION), metadata=tokens
                )
                answered += 2

        async def more(count: int) -> None:
            target = answered + count
            while answered < target:  # noqa: ASYNC110 -- load gives no event
                await asyncio.sleep(0.01)

        async with asyncio.TaskGroup() as tasks, asyncio.timeout(40):
            for _ in range(8):
                tasks.create_task(load())
            for index, port in enumerate(ports):
                await more(50)
                await served[index].aclose()
                await more(50)
                replicas[index].asked = 0
                replicas[index].draining.clear()
                await served[index].enter_async_context(serving(replicas[index], port))
                while not replicas[index].asked:  # noqa: ASYNC110 -- the handlers set no event
                    await asyncio.sleep(0.01)
            over = True
        for servers in served:
            await servers.aclose()


async def test_a_draining_replica_ends_its_watches_and_gets_no_new_calls() -> None:
    one, other = replica(), replica()
    tokens = bearer(KEY.token(sub="ada"))
    async with AsyncExitStack() as leaving:
        first = await leaving.enter_async_context(serving(one))
        async with serving(other) as second, open_channel(f"{first},{second}", SERVICE) as channel:
            stub = conversation_grpc.ConversationServiceStub(channel)
            request = conversation.WatchRequest(conversation_id=CONVERSATION)
            ask = conversation.GetConversationRequest(conversation_id=CONVERSATION)
            async with (
                streaming(stub.Watch(request, metadata=tokens)) as a,
                streaming(stub.Watch(request, metadata=tokens)) as b,
            ):
                assert [await call.read() for call in (a, b)] == [conversation.WatchResponse(cursor="1")] * 2
                async with asyncio.timeout(10):
                    while not one.asked:
                        await stub.GetConversation(ask, metadata=tokens)
                await leaving.aclose()
                one.asked = other.asked = 0
                for _ in range(5):
                    await stub.GetConversation(ask, metadata=tokens)
                assert (one.asked, other.asked) == (0, 5)
                other.draining.set()
                end = conversation.WatchEnd(reason=conversation.WATCH_END_REASON_DRAINING)
                assert [await call.read() for call in (a, b)] == [conversation.WatchResponse(end=end)] * 2


async def test_the_cores_refusals_become_resource_exhausted() -> None:
    one = replica()
    one.hold.clear()
    async with (
        serving(one, limits=LimitSettings(pending=0)) as address,
        open_channel(address, SERVICE) as channel,
    ):
        stub = conversation_grpc.ConversationServiceStub(channel)
        ask = conversation.GetConversationRequest(conversation_id=CONVERSATION)
        calls = [
            asyncio.ensure_future(stub.GetConversation(ask, metadata=bearer(KEY.token(sub=f"c{i}"))))
            for i in range(50)
        ]
        async with asyncio.timeout(10):
            done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        error = done.pop().exception()
        assert isinstance(error, grpc.aio.AioRpcError)
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert reason_of(error) == "OVERLOADED"
        assert retry_after_of(error) is not None
        one.hold.set()
        await asyncio.gather(*calls, return_exceptions=True)


async def test_excess_calls_are_refused_before_they_are_parsed() -> None:
    one = replica()
    one.hold.clear()
    async with (
        serving(one, limits=LimitSettings(unary=2)) as address,
        open_channel(address, SERVICE) as channel,
    ):
        stub = conversation_grpc.ConversationServiceStub(channel)
        ask = conversation.GetConversationRequest(conversation_id=CONVERSATION)
        tokens = bearer(KEY.token(sub="ada"))
        running_calls = [asyncio.ensure_future(stub.GetConversation(ask, metadata=tokens)) for _ in range(2)]
        async with asyncio.timeout(10):
            while one.asked < 2:  # noqa: ASYNC110 -- the handlers set no event
                await asyncio.sleep(0.01)
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await stub.GetConversation(
                    conversation.GetConversationRequest(conversation_id="not even an id")
                )
        assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert reason_of(raised.value) == "OVERLOADED"
        assert retry_after_of(raised.value) is not None
        one.hold.set()
        await asyncio.gather(*running_calls)
