"""Starting, rejoining and ending calls in the customer's name."""

from __future__ import annotations

import asyncio

import grpc
import httpx
import jwt
import pytest

from mesh.ids import uuid7
from tests.integration.gradio_ui.site import Person, Site

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def start(person: Person, **body: object) -> httpx.Response:
    return await person.post("/api/calls", json={"request_id": uuid7(), "time_zone": "Asia/Kolkata"} | body)


async def test_a_call_gives_the_browser_only_a_room_and_a_livekit_token(site: Site, ada: Person) -> None:
    call = (await start(ada)).json()
    assert set(call) == {"call_id", "conversation_id", "url", "token"}
    assert call["url"] == site.conversation.livekit_url
    assert jwt.decode(call["token"], options={"verify_signature": False})["video"]["canPublishSources"] == [
        "microphone"
    ]


async def test_a_call_continues_the_named_conversation(site: Site, ada: Person) -> None:
    conversation_id = site.conversation.add_conversation(ada.customer_id)
    assert (await start(ada, conversation_id=conversation_id)).json()["conversation_id"] == conversation_id


async def test_the_same_request_twice_makes_one_conversation(site: Site, ada: Person) -> None:
    request_id = uuid7()
    first = (await start(ada, request_id=request_id)).json()
    await ada.post(f"/api/calls/{first['call_id']}/end")
    assert (await start(ada, request_id=request_id)).json()["conversation_id"] == first["conversation_id"]


async def test_a_second_call_is_refused_with_the_running_one(ada: Person) -> None:
    first = (await start(ada)).json()
    answer = await start(ada)
    assert answer.status_code == 409
    error = answer.json()["error"]
    assert (error["reason"], error["call"]["call_id"]) == ("CALL_RUNNING", first["call_id"])


async def test_running_call_is_found_rejoined_and_ended(ada: Person) -> None:
    assert (await ada.get("/api/calls/running")).json() == {"call": None}
    first = (await start(ada)).json()
    running = (await ada.get("/api/calls/running")).json()["call"]
    assert (running["call_id"], running["conversation_id"]) == (first["call_id"], first["conversation_id"])
    again = (await ada.post(f"/api/calls/{first['call_id']}/rejoin")).json()
    assert (again["call_id"], set(again)) == (first["call_id"], set(first))
    assert (await ada.post(f"/api/calls/{first['call_id']}/end")).status_code == 204
    assert (await ada.get("/api/calls/running")).json() == {"call": None}
    late = await ada.post(f"/api/calls/{first['call_id']}/rejoin")
    assert (late.status_code, late.json()["error"]["reason"]) == (409, "CALL_ENDED")


async def test_every_rpc_carries_the_customers_own_token(site: Site, ada: Person, eve: Person) -> None:
    for person in (ada, eve):
        await person.get("/api/calls/running")
        claims = jwt.decode(site.conversation.tokens[-1], options={"verify_signature": False})
        assert (claims["sub"], claims["kind"], "act" in claims) == (person.customer_id, "customer", False)


async def test_another_customers_conversation_is_not_found(site: Site, ada: Person, eve: Person) -> None:
    conversation_id = site.conversation.add_conversation(ada.customer_id)
    for answer in (
        await start(eve, conversation_id=conversation_id),
        await eve.get(f"/api/conversations/{conversation_id}/entries"),
    ):
        assert (answer.status_code, answer.json()["error"]["reason"]) == (404, "CONVERSATION_NOT_FOUND")


@pytest.mark.parametrize(
    "body",
    [{}, {"request_id": "no"}, {"request_id": uuid7(), "conversation_id": "../x"}, [], None, "x" * 60_000],
)
async def test_a_malformed_request_is_refused_without_an_rpc(site: Site, ada: Person, body: object) -> None:
    before = len(site.conversation.tokens)
    answer = await ada.post("/api/calls", json=body)
    assert (answer.status_code, answer.json()["error"]["reason"]) == (400, "INVALID_REQUEST")
    assert len(site.conversation.tokens) == before


async def test_signed_out_browser_gets_401_from_every_route(stranger: httpx.AsyncClient) -> None:
    call = f"/api/calls/{uuid7()}"
    posts = ["/api/calls", f"{call}/rejoin", f"{call}/end"]
    gets = [
        "/api/calls/running",
        "/api/conversations",
        f"/api/conversations/{uuid7()}/entries",
        f"/api/conversations/{uuid7()}/feed",
    ]
    answers = await asyncio.gather(
        *(stranger.post(path) for path in posts), *(stranger.get(path) for path in gets)
    )
    assert {answer.status_code for answer in answers} == {401}


async def test_a_conversation_service_that_is_down_has_a_message_for_people(site: Site, ada: Person) -> None:
    async with site.without("conversation"):
        answer = await start(ada)
    assert answer.status_code == 503
    assert "try again" in answer.json()["error"]["message"]
    assert "127.0.0.1" not in answer.text


async def test_details_of_an_unexpected_error_are_not_shown(site: Site, ada: Person) -> None:
    async with site.conversation.refusing(
        grpc.StatusCode.INTERNAL, "sqlite3.OperationalError: no such table"
    ):
        answer = await start(ada)
    assert answer.status_code == 500
    assert "sqlite" not in answer.text
