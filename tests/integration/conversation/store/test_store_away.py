"""PostgreSQL unavailable or silent: requests end in time with a retry delay, and leave nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import grpc
import psutil
import psycopg
import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record
from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceStub

from mesh.calling.channel import streaming
from mesh.clock import timestamp
from mesh.database import transactions
from mesh.errors import reason_of, retry_after_of
from mesh.ids import uuid7
from services.conversation.client.recorder import Recorder
from tests.postgres_server import postgres_server

if TYPE_CHECKING:
    from tests.integration.conversation.mesh import Customer, Mesh
    from tests.postgres_server import PostgresServer

pytestmark = pytest.mark.integration

AGENT = entry_pb2.SPEAKER_AGENT
CONNECTIONS = 2 * 10 + 1
"""Limit of connections of one replica's pool and its appends."""


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """A server that the test may kill."""
    with postgres_server() as server:
        yield server


async def refused_for_now(attempt: Awaitable[object]) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await attempt
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    assert reason_of(raised.value) == "STORE_UNAVAILABLE"
    assert retry_after_of(raised.value) is not None


async def texts(customer: Customer, call: pb.Call) -> list[str]:
    listed = await customer.stub.ListEntries(pb.ListEntriesRequest(conversation_id=call.conversation_id))
    return [entry.utterance.text for entry in listed.entries if entry.HasField("utterance")]


async def test_crash_of_the_database_is_reported_and_no_words_are_lost(
    lone_mesh: Mesh, own_postgres: PostgresServer
) -> None:
    async with lone_mesh.conversation(conversation_database_url=own_postgres.new_database()):
        customer = await lone_mesh.customer()
        call = await customer.call()
        async with Recorder(await lone_mesh.agent_stub(), call.call_id, 1) as recorder:
            recorder.seal(uuid7(), AGENT, "Before.")
            await recorder.flushed()
            own_postgres.stop("immediate")
            recorder.seal(uuid7(), AGENT, "Meanwhile.")
            await refused_for_now(
                customer.stub.ListEntries(pb.ListEntriesRequest(conversation_id=call.conversation_id))
            )
            await refused_for_now(
                customer.stub.StartConversation(pb.StartConversationRequest(request_id=uuid7()))
            )
            await refused_for_now(
                customer.stub.StartCall(pb.StartCallRequest(conversation_id=call.conversation_id))
            )
            own_postgres.start()
            async with asyncio.timeout(20):
                await recorder.flushed()
        assert await texts(customer, call) == ["Before.", "Meanwhile."]


async def test_watch_survives_a_crash_of_the_database(lone_mesh: Mesh, own_postgres: PostgresServer) -> None:
    async with lone_mesh.conversation(conversation_database_url=own_postgres.new_database()):
        customer = await lone_mesh.customer()
        call = await customer.call()
        request = pb.WatchRequest(conversation_id=call.conversation_id)
        async with (
            Recorder(await lone_mesh.agent_stub(), call.call_id, 1) as recorder,
            streaming(customer.stub.Watch(request)) as watch,
        ):
            async for response in watch:
                if response.HasField("caught_up"):
                    break
            own_postgres.stop("immediate")
            await refused_for_now(
                customer.stub.StartConversation(pb.StartConversationRequest(request_id=uuid7()))
            )
            own_postgres.start()
            recorder.seal(uuid7(), AGENT, "Still watching?")
            async with asyncio.timeout(20):
                async for response in watch:
                    if response.entry.utterance.text == "Still watching?":
                        break


async def test_append_to_a_silent_database_ends_before_its_deadline(
    lone_mesh: Mesh, own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lone_mesh.conversation(conversation_database_url=own_postgres.new_database()):
        customer = await lone_mesh.customer()
        call, writer = await customer.call(), uuid7()
        async with Recorder(await lone_mesh.agent_stub(), call.call_id, 1, writer) as recorder:
            stub = CallRecordServiceStub(await lone_mesh.delegated(recorder.opened.grant))
            now = timestamp(datetime.now(UTC))
            utterance = entry_pb2.Utterance(
                utterance_id=uuid7(),
                speaker=AGENT,
                modality=entry_pb2.MODALITY_VOICE,
                text="Anybody?",
                sealing=entry_pb2.SEALING_FINAL,
            )
            draft = call_record.Draft(
                client_sequence=1,
                entry_id=utterance.utterance_id,
                start_time=now,
                end_time=now,
                utterance=utterance,
            )
            request = call_record.AppendRequest(
                call_id=call.call_id, epoch=1, writer_id=writer, drafts=[draft]
            )
            monkeypatch.setattr(transactions, "TRANSACTION_SECONDS", 0.5)
            main = psutil.Process(own_postgres.pid)
            silenced = [main, *main.children()]
            for process in silenced:
                process.suspend()
            try:
                await refused_for_now(stub.Append(request))
            finally:
                for process in silenced:
                    process.resume()
            await stub.Append(request)  # the first one may or may not be stored; it is stored once
        assert await texts(customer, call) == ["Anybody?"]


async def test_cancelled_requests_leave_no_connection_in_use(
    lone_mesh: Mesh, own_postgres: PostgresServer
) -> None:
    url = own_postgres.new_database()
    async with lone_mesh.conversation(conversation_database_url=url):
        customer = await lone_mesh.customer()
        call = await customer.call()
        for place in range(400):
            attempts = (
                customer.stub.ListEntries(pb.ListEntriesRequest(conversation_id=call.conversation_id)),
                customer.stub.StartConversation(pb.StartConversationRequest(request_id=uuid7())),
                customer.stub.Watch(pb.WatchRequest(conversation_id=call.conversation_id)),
            )
            await asyncio.sleep(0.0003 * (place % 20))  # anywhere in the handling
            for attempt in attempts:
                attempt.cancel()
        await asyncio.gather(*(texts(customer, call) for _ in range(30)))

        async def at_rest() -> bool:
            async with await psycopg.AsyncConnection.connect(own_postgres.conninfo()) as connection:
                found = await connection.execute(
                    "SELECT state FROM pg_stat_activity WHERE datname = %s", [url.rpartition("/")[2]]
                )
                states = [state for (state,) in await found.fetchall()]
            return len(states) <= CONNECTIONS and not [
                state for state in states if state and "transaction" in state
            ]

        await lone_mesh.eventually(at_rest)
