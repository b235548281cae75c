"""The Python client with real services: sign in, follow across a restart, search, export, errors."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import grpc
import pytest
from readback.conversation.v1 import entry_pb2
from readback_client import (
    Addresses,
    Client,
    Connection,
    CredentialsFile,
    CredentialsInMemory,
    CursorExpired,
    Date,
    NotSignedIn,
    ReadbackError,
    SyncClient,
    conversation,
    error_reasons,
    flightdata,
    identity,
)

from mesh.serving.grpc_server import running
from mesh.settings import load
from services.conversation.client.recorder import Recorder
from services.flightdata.app import grpc_service as flightdata_service
from services.flightdata.settings import FlightDataSettings
from tests.integration.conversation.mesh import Mesh
from tests.product import free_ports

pytestmark = pytest.mark.integration

EMAIL, PASSWORD = "ana@example.com", "a long walk in the park"
WRITER = str(uuid4())


def addresses(mesh: Mesh) -> Addresses:
    return Addresses(mesh.identity_address, mesh.address, "127.0.0.1:1")


async def said(mesh: Mesh, client: Client, call: conversation.Call, *texts: str) -> None:
    """Let the agent that holds the call now say these words."""
    found = await client.conversation.get_call(conversation.GetCallRequest(call_id=call.call_id))
    assert found.call is not None
    async with Recorder(await mesh.agent_stub(), call.call_id, found.call.epoch, WRITER) as recorder:
        for text in texts:
            recorder.seal(str(uuid4()), entry_pb2.SPEAKER_AGENT, text)
        await recorder.flushed()


async def started(client: Client) -> conversation.Call:
    """Start a conversation and a call."""
    made = await client.conversation.start_conversation(
        conversation.StartConversationRequest(request_id=str(uuid4()))
    )
    assert made.conversation is not None
    request = conversation.StartCallRequest(conversation_id=made.conversation.conversation_id)
    call = (await client.conversation.start_call(request)).call
    assert call is not None
    return call


def search() -> flightdata.SearchFlightsRequest:
    day = datetime.now(UTC) + timedelta(days=20)
    date = Date(day.year, day.month, day.day)
    leg = flightdata.SearchLeg(origin="MAA", destination="DEL", departure_date=date)
    return flightdata.SearchFlightsRequest(legs=[leg])


def texts(entries: list[conversation.Entry]) -> list[str]:
    return [entry.utterance.text for entry in entries if entry.utterance is not None]


async def test_entries_come_once_and_in_order_though_the_service_restarts_in_between(mesh: Mesh) -> None:
    (port,) = free_ports(1)
    changes: list[Connection] = []
    async with AsyncExitStack() as first:
        await first.enter_async_context(mesh.conversation(port=port))
        async with Client(addresses(mesh), store=CredentialsInMemory()) as client, asyncio.timeout(50):
            await client.register(EMAIL, PASSWORD, "Ana")
            call = await started(client)
            await said(mesh, client, call, "Hello.", "Where to?")
            watch = client.watch(call.conversation_id)
            seen: list[conversation.Entry] = []
            async for event in watch.events(live=False, on_connection=changes.append):
                if event.entry is None:
                    continue
                seen.append(event.entry)
                if len(texts(seen)) == 2 and not changes:
                    await first.aclose()
                    async with mesh.conversation(port=port):
                        await said(mesh, client, call, "To Delhi.")
                        break
            assert watch.cursor
            async with mesh.conversation(port=port):
                async for entry in client.watch(call.conversation_id, cursor=watch.cursor):
                    seen.append(entry)
                    if "To Delhi." in texts(seen):
                        break
    assert texts(seen) == ["Hello.", "Where to?", "To Delhi."]
    numbers = [entry.number for entry in seen]
    assert numbers == sorted(set(numbers))


async def test_errors_have_the_class_of_their_reason_and_name_the_fields(mesh: Mesh) -> None:
    async with mesh.conversation(), Client(addresses(mesh), store=CredentialsInMemory()) as client:
        with pytest.raises(NotSignedIn):
            await client.conversation.list_conversations(conversation.ListConversationsRequest())
        with pytest.raises(error_reasons.WrongCredentials):
            await client.sign_in(EMAIL, PASSWORD)
        await client.register(EMAIL, PASSWORD, "Ana")
        unknown = conversation.GetConversationRequest(conversation_id=str(uuid4()))
        with pytest.raises(error_reasons.ConversationNotFound) as missing:
            await client.conversation.get_conversation(unknown)
        assert missing.value.code is grpc.StatusCode.NOT_FOUND
        with pytest.raises(error_reasons.InvalidRequest) as invalid:
            await client.conversation.get_conversation(conversation.GetConversationRequest("no UUID"))
        assert list(invalid.value.violations) == ["conversation_id"]
        with pytest.raises(error_reasons.ConversationNotFound):
            async for _ in client.watch(str(uuid4())):
                pass


async def test_an_unreachable_service_is_an_error_without_a_reason() -> None:
    (port,) = free_ports(1)
    nowhere = Addresses(*[f"127.0.0.1:{port}"] * 3)
    async with Client(nowhere, store=CredentialsInMemory()) as client:
        with pytest.raises(ReadbackError) as error:
            await client.sign_in(EMAIL, PASSWORD)
    assert (error.value.code, error.value.reason) == (grpc.StatusCode.UNAVAILABLE, "")


async def test_a_cursor_of_another_installation_is_refused(mesh: Mesh) -> None:
    async with mesh.conversation(), Client(addresses(mesh), store=CredentialsInMemory()) as client:
        await client.register(EMAIL, PASSWORD, "Ana")
        with pytest.raises((error_reasons.InvalidCursor, CursorExpired)):
            async for _ in client.watch(cursor="AQxyz"):
                pass


async def test_a_session_is_kept_for_the_next_program_refreshed_and_ended(mesh: Mesh, tmp_path: Path) -> None:
    file = CredentialsFile(tmp_path / "readback" / "login.json")
    async with Client(addresses(mesh), store=file) as client:
        customer = await client.register(EMAIL, PASSWORD, "Ana")
    saved = file.read()
    assert saved is not None
    file.save(dataclasses.replace(saved, access_expires=datetime.now(UTC).timestamp()))
    async with Client(addresses(mesh), store=file) as client:
        found = await client.identity.get_customer(identity.GetCustomerRequest())
        assert found.customer == customer
        renewed = file.read()
        assert renewed is not None
        assert renewed.refresh_token != saved.refresh_token
        await client.sign_out()
        assert not client.signed_in
        with pytest.raises(NotSignedIn):
            await client.identity.get_customer(identity.GetCustomerRequest())


async def test_flights_are_searched_and_transcripts_exported(mesh: Mesh, tmp_path: Path) -> None:
    settings = load(FlightDataSettings, home=tmp_path, identity_address=mesh.identity_address)
    async with (
        flightdata_service(settings) as served,
        running(served) as server,
        mesh.conversation(),
        Client(
            dataclasses.replace(addresses(mesh), flightdata=server.address), store=CredentialsInMemory()
        ) as client,
    ):
        await client.register(EMAIL, PASSWORD, "Ana")
        outcomes = [event.done for event in [e async for e in client.search_flights(search())] if event.done]
        call = await started(client)
        await said(mesh, client, call, "Two flights go to Delhi.")
        exported = await client.export(call.conversation_id)
    assert [done.result_count > 0 for done in outcomes] == [True]
    assert b"Two flights go to Delhi." in exported


async def test_programs_without_asyncio_use_the_same_client(mesh: Mesh) -> None:
    async with mesh.conversation():
        await asyncio.to_thread(_use_sync_client, addresses(mesh))


def _use_sync_client(where: Addresses) -> None:
    with SyncClient(lambda: Client(where, store=CredentialsInMemory())) as client:
        client.register(EMAIL, PASSWORD, "Ana")
        request = conversation.StartConversationRequest(request_id=str(uuid4()))
        made = client.call(lambda it: it.conversation.start_conversation(request)).conversation
        assert made is not None
        end = conversation.EndConversationRequest(made.conversation_id, str(uuid4()))
        client.call(lambda it: it.conversation.end_conversation(end))
        kinds = [
            entry.state_change.kind for entry in client.watch(made.conversation_id) if entry.state_change
        ]
        assert kinds == [conversation.StateChangeKind.CONVERSATION_ENDED]
        with pytest.raises(error_reasons.ConversationNotFound):
            client.export(str(uuid4()))
        client.sign_out()
