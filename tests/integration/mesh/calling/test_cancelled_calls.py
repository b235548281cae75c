"""Ten thousand cancelled calls leak no task, no file descriptor and no slot of a limit."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1 import conversation_service_pb2_grpc as conversation_grpc
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record
from readback.internal.conversation.v1 import call_record_service_pb2_grpc as call_record_grpc

from mesh.calling.channel import open_channel, streaming
from mesh.security.authentication import TokenVerifier, bearer
from mesh.serving.grpc_server import GrpcService, ServerSettings, running
from mesh.serving.limits import LimitSettings
from tests.mesh_tokens import SigningKey

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

SERVICES = [
    conversation.DESCRIPTOR.services_by_name["ConversationService"],
    call_record.DESCRIPTOR.services_by_name["CallRecordService"],
]
CONVERSATION = "01936d1c-7f5e-7a30-9d2e-0f5a6f2f9d11"
KEY = SigningKey()
AT_ONCE = 50
ROUNDS = 50  # of four kinds: ten thousand calls


class Patient(conversation_grpc.ConversationServiceServicer, call_record_grpc.CallRecordServiceServicer):
    """Never answers, and counts the calls that wait."""

    def __init__(self) -> None:
        self.waiting = self.came = 0

    async def GetConversation(self, request, context):
        await self._wait()
        return conversation.GetConversationResponse()

    async def Watch(self, request, context):
        yield conversation.WatchResponse(cursor="1")
        await self._wait()

    async def Record(self, request_iterator, context):
        async for _ in request_iterator:
            yield call_record.RecordResponse(opened=call_record.RecordOpened())
            await self._wait()

    async def _wait(self) -> None:
        self.waiting += 1
        self.came += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.waiting -= 1


@pytest.fixture
async def patient() -> AsyncIterator[tuple[Patient, Any]]:
    servicer = Patient()  # type: ignore[abstract]  # only the RPCs that the promise needs

    async def keys(_kid: str) -> Any:
        return KEY.public

    def add(server: grpc.aio.Server) -> None:
        conversation_grpc.add_ConversationServiceServicer_to_server(servicer, server)
        call_record_grpc.add_CallRecordServiceServicer_to_server(servicer, server)

    service = GrpcService("patient", SERVICES, add, {}, TokenVerifier(keys))
    limits = LimitSettings(
        unary=AT_ONCE, unary_per_caller=AT_ONCE, streams=AT_ONCE, streams_per_caller=AT_ONCE
    )
    settings = ServerSettings(notice_seconds=0, limits=limits)
    async with (
        running(service, settings=settings) as server,
        open_channel(server.address, *SERVICES) as channel,
    ):
        yield servicer, channel


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def settled(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 -- gRPC gives no event for the end of a handler
            await asyncio.sleep(0.01)


async def given_up_by_their_caller(channel: Any, servicer: Patient) -> None:
    """A unary call that is cancelled while it is handled."""
    stub = conversation_grpc.ConversationServiceStub(channel)
    request, tokens = (
        conversation.GetConversationRequest(conversation_id=CONVERSATION),
        bearer(KEY.token(sub="ada")),
    )
    calls = [asyncio.ensure_future(stub.GetConversation(request, metadata=tokens)) for _ in range(AT_ONCE)]
    await settled(lambda: servicer.waiting == AT_ONCE)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)


async def out_of_time(channel: Any, _servicer: Patient) -> None:
    """A unary call whose deadline passes at some point."""
    stub = conversation_grpc.ConversationServiceStub(channel)
    request, tokens = (
        conversation.GetConversationRequest(conversation_id=CONVERSATION),
        bearer(KEY.token(sub="ada")),
    )
    calls = (
        stub.GetConversation(request, metadata=tokens, timeout=0.001 * place) for place in range(AT_ONCE)
    )
    await asyncio.gather(*calls, return_exceptions=True)


async def watched_for_a_moment(channel: Any, _servicer: Patient) -> None:
    """A server stream that is cancelled after its first message."""
    stub = conversation_grpc.ConversationServiceStub(channel)
    tokens = bearer(KEY.token(sub="ada"))

    async def watch() -> None:
        async with streaming(
            stub.Watch(conversation.WatchRequest(conversation_id=CONVERSATION), metadata=tokens)
        ) as call:
            await call.read()

    await asyncio.gather(*(watch() for _ in range(AT_ONCE)))


async def recorded_for_a_moment(channel: Any, _servicer: Patient) -> None:
    """A bidirectional stream that is cancelled in the middle."""
    tokens = bearer(KEY.token(sub="agent", kind="service"))

    async def record() -> None:
        async with streaming(call_record_grpc.CallRecordServiceStub(channel).Record(metadata=tokens)) as call:
            await call.write(call_record.RecordRequest(append=call_record.RecordAppend()))
            await call.read()

    await asyncio.gather(*(record() for _ in range(AT_ONCE)))


KINDS: tuple[Callable[[Any, Patient], Awaitable[None]], ...] = (
    given_up_by_their_caller,
    out_of_time,
    watched_for_a_moment,
    recorded_for_a_moment,
)


async def test_ten_thousand_cancelled_calls_leak_nothing(patient: tuple[Patient, Any]) -> None:
    servicer, channel = patient
    for kind in KINDS:  # warm up connections and caches
        await kind(channel, servicer)
        await settled(lambda: servicer.waiting == 0)
    gc.collect()
    tasks, files = len(asyncio.all_tasks()), descriptors()
    for _ in range(ROUNDS):
        for kind in KINDS:
            await kind(channel, servicer)
            # As many as the limits admit, so that a leaked slot of one round would be missing in the next.
            await settled(lambda: servicer.waiting == 0)
    with suppress(TimeoutError):
        await settled(lambda: len(asyncio.all_tasks()) <= tasks)
    gc.collect()
    assert len(asyncio.all_tasks()) <= tasks
    assert descriptors() <= files
    assert servicer.came > ROUNDS * 3 * AT_ONCE
