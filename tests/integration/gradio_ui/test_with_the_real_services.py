"""The web app over the real identity and conversation services, with an agent that records."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from readback.conversation.v1 import entry_pb2
from readback.conversation.v1.entry_pb2 import SPEAKER_AGENT, SPEAKER_CUSTOMER
from readback.identity.v1 import identity_service_pb2 as identity

from gradio_ui.app import create_app, running
from gradio_ui.settings import UiSettings
from gradio_ui.sign_in.cookie import COOKIE_NAME, CookieCipher
from mesh.ids import uuid7
from mesh.security.authentication import bearer
from mesh.settings import load
from services.conversation.client.recorder import Recorder
from tests.integration.conversation.mesh import Mesh
from tests.integration.gradio_ui.site import PASSWORD
from tests.integration.gradio_ui.test_event_stream import Event, events_of, until

pytestmark = pytest.mark.integration


@pytest.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[Mesh]:
    """The real identity and conversation services."""
    async with AsyncExitStack() as stack:
        made = Mesh(tmp_path, stack)
        await made.start_identity()
        async with made.conversation(conversation_calls_per_customer=1):
            yield made


@pytest.fixture
async def ada(mesh: Mesh) -> AsyncIterator[httpx.AsyncClient]:
    """The browser of a customer."""
    addresses = {"identity_address": mesh.identity_address, "conversation_address": mesh.address}
    settings = load(UiSettings, home=mesh.home, ui_port=0, **addresses)
    async with (
        running(create_app(settings), settings) as page,
        httpx.AsyncClient(base_url=page.url, headers={"origin": page.url}, timeout=20) as browser,
    ):
        account = {"email": "ada@example.com", "password": PASSWORD, "display_name": "Ada"}
        assert (await browser.post("/auth/register", json=account)).status_code == 204
        yield browser


async def test_of_two_calls_started_at_once_one_is_offered_to_the_other(ada: httpx.AsyncClient) -> None:
    starts = (ada.post("/api/calls", json={"request_id": uuid7()}) for _ in range(2))
    answers = sorted(await asyncio.gather(*starts), key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers] == [200, 409]
    started, error = answers[0].json(), answers[1].json()["error"]
    assert (error["reason"], error["call"]["call_id"]) == ("CALL_RUNNING", started["call_id"])
    assert error["call"]["place_in_line"] == 1, "no agent has come yet"
    assert (await ada.get("/api/conversations")).json().get("conversations", []) == [], "nothing was said"

    moved = await ada.post("/api/calls", json={"request_id": uuid7(), "end_running_call": True})
    assert (await ada.get("/api/calls/running")).json()["call"]["call_id"] == moved.json()["call_id"]
    late = await ada.post(f"/api/calls/{started['call_id']}/rejoin")
    assert late.json()["error"]["metadata"] == {"end_reason": "REPLACED"}


async def test_recorded_entries_appear_live_and_in_the_history(mesh: Mesh, ada: httpx.AsyncClient) -> None:
    call = (await ada.post("/api/calls", json={"request_id": uuid7()})).json()
    assert (await ada.get("/api/calls/running")).json()["call"]["call_id"] == call["call_id"]
    feed = f"/api/conversations/{call['conversation_id']}/feed"
    async with asyncio.timeout(30), ada.stream("GET", feed) as answer:
        events = events_of(answer)
        await until(events, "caught_up")
        hello, question = uuid7(), uuid7()
        async with Recorder(await mesh.agent_stub(), call["call_id"], 1) as recorder:
            recorder.revise(hello, SPEAKER_AGENT, "Hello")
            recorder.seal(hello, SPEAKER_AGENT, "Hello, where to?")
            recorder.seal(question, SPEAKER_CUSTOMER, "Chennai to Delhi")
            recorder.tool_call(entry_pb2.ToolCall(tool_call_id=uuid7(), name="search_flights"))
            await recorder.flushed()
            seen = [event[2] async for event in _entries(events, 4)]
            await recorder.close(entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
    assert [entry["number"] for entry in seen] == ["2", "3", "4", "5"]
    assert [entry.get("utterance", {}).get("utterance_id") for entry in seen[1:3]] == [hello, question]
    listed = (await ada.get("/api/conversations")).json()["conversations"]
    assert [one["conversation_id"] for one in listed] == [call["conversation_id"]]
    entries = (await ada.get(f"/api/conversations/{call['conversation_id']}/entries")).json()["entries"]
    assert entries[1:5] == seen


async def test_earlier_entries_are_sent_from_the_beginning(mesh: Mesh, ada: httpx.AsyncClient) -> None:
    call = (await ada.post("/api/calls", json={"request_id": uuid7()})).json()
    async with Recorder(await mesh.agent_stub(), call["call_id"], 1) as recorder:
        for number in range(50):
            recorder.seal(uuid7(), SPEAKER_AGENT, str(number))
        await recorder.flushed()
        async with (
            asyncio.timeout(30),
            ada.stream("GET", f"/api/conversations/{call['conversation_id']}/feed") as answer,
        ):
            seen = [event[2] async for event in _entries(events_of(answer), 52)]
        await recorder.close(entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
    assert [entry["number"] for entry in seen] == [str(number) for number in range(1, 53)]


async def test_recorded_entries_are_found_exported_and_deleted(mesh: Mesh, ada: httpx.AsyncClient) -> None:
    call = (await ada.post("/api/calls", json={"request_id": uuid7()})).json()
    conversation = f"/api/conversations/{call['conversation_id']}"
    async with Recorder(await mesh.agent_stub(), call["call_id"], 1) as recorder:
        recorder.seal(uuid7(), SPEAKER_CUSTOMER, "Flights from Chennai to Delhi")
        await recorder.flushed()
        await recorder.close(entry_pb2.CALL_END_REASON_AGENT_HUNG_UP)
    (found,) = (await ada.get("/api/found", params={"words": "flight delhi"})).json()["results"]
    assert [part["text"] for part in found["snippet"] if part.get("matched")] == ["Flights", "Delhi"]
    file = await ada.get(f"{conversation}/transcript.vtt")
    assert file.headers["content-disposition"].startswith(
        'attachment; filename="flights-from-chennai-to-delhi-'
    )
    assert "<v Customer>Flights from Chennai to Delhi</v>" in file.text
    assert (await ada.delete(conversation)).status_code == 204
    assert (await ada.get("/api/found", params={"words": "flight delhi"})).json() == {}
    assert (await ada.get(conversation)).status_code == 404


async def _entries(events: AsyncIterator[Event], count: int) -> AsyncIterator[Event]:
    async for event in events:
        if event[0] == "entry":
            yield event
            count -= 1
        if not count:
            return


async def test_a_call_is_started_rejoined_and_ended(ada: httpx.AsyncClient) -> None:
    call = (await ada.post("/api/calls", json={"request_id": uuid7()})).json()
    again = (await ada.post("/api/calls", json={"request_id": uuid7()})).json()
    assert again["error"]["call"]["call_id"] == call["call_id"]
    rejoined = (await ada.post(f"/api/calls/{call['call_id']}/rejoin")).json()
    assert rejoined["token"]
    assert (await ada.post(f"/api/calls/{call['call_id']}/end")).status_code == 204
    late = await ada.post(f"/api/calls/{call['call_id']}/rejoin")
    assert (late.status_code, late.json()["error"]["reason"]) == (409, "CALL_ENDED")


async def test_a_cursor_of_another_conversation_fails_the_feed(ada: httpx.AsyncClient) -> None:
    call = (await ada.post("/api/calls", json={"request_id": uuid7()})).json()
    async with (
        asyncio.timeout(20),
        ada.stream("GET", f"/api/conversations/{call['conversation_id']}/feed?cursor=made-up") as answer,
    ):
        assert [event[2] async for event in events_of(answer)] == [{"reason": "INVALID_CURSOR"}]


async def test_sign_out_ends_the_session_at_identity(ada: httpx.AsyncClient) -> None:
    copied = ada.cookies[COOKIE_NAME]
    await ada.post("/auth/logout")
    ada.cookies.set(COOKIE_NAME, copied)
    assert (await ada.get("/api/conversations")).status_code == 401


async def test_a_call_in_an_ended_session_leads_to_the_sign_in_page_and_not_back(
    mesh: Mesh, ada: httpx.AsyncClient
) -> None:
    sign_in = CookieCipher(mesh.settings().secrets.text("ui-session")).decrypt(ada.cookies[COOKIE_NAME])
    assert sign_in is not None
    elsewhere = await mesh.identity.RefreshSession(
        identity.RefreshSessionRequest(refresh_token=sign_in.refresh_token)
    )
    await mesh.identity.Logout(
        identity.LogoutRequest(request_id=uuid7()), metadata=bearer(elsewhere.tokens.access_token)
    )
    call = await ada.post("/api/calls", json={"request_id": uuid7()})
    assert (call.status_code, call.json()["error"]["reason"]) == (401, "SIGNED_OUT")
    assert (await ada.get("/login")).status_code == 200
