"""Signing up, in and out, against the real identity service."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from readback.identity.v1 import identity_service_pb2 as pb
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from gradio_ui.sign_in.cookie import COOKIE_NAME
from mesh.calling.channel import open_channel
from mesh.ids import uuid7
from mesh.security.authentication import bearer
from mesh.security.source_address import SOURCE_ADDRESS, source_address
from services.identity.servicer import IdentityServicer
from tests.integration.gradio_ui.site import PASSWORD, Person, Site, site_at

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


IDENTITY = pb.DESCRIPTOR.services_by_name["IdentityService"]


def reason(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["reason"])


async def test_a_signed_out_browser_goes_to_the_sign_in_page_and_keeps_its_query(site: Site) -> None:
    async with site.browser() as browser:
        answer = await browser.get("/?tab=history")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?tab=history")
        assert "Welcome back" in (await browser.get("/login")).text


async def test_sign_up_signs_in(site: Site) -> None:
    async with site.signed_in() as browser:
        page = await browser.get("/")
        assert page.status_code == 200
        assert "gradio_config" in page.text


async def test_scripts_and_other_sites_can_not_use_the_cookie(site: Site) -> None:
    async with site.browser() as browser:
        account = {"email": "cookie@example.com", "password": PASSWORD, "display_name": "Ada"}
        header = (await browser.post("/auth/register", json=account)).headers["set-cookie"]
    assert header.startswith(f"{COOKIE_NAME}=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(header.split("; "))
    assert "Secure" not in header  # plain http, as on this machine; over https see test_cookie.py


async def test_no_response_contains_an_identity_token(site: Site, ada: Person) -> None:
    await ada.get("/api/calls/running")
    access_token = site.conversation.tokens[-1]
    assert access_token.count(".") == 2
    seen = [
        await ada.get(path)
        for path in ("/", "/config", "/api/calls/running", "/api/conversations", "/gradio_api/info")
    ]
    started = await ada.post("/api/calls", json={"request_id": "0193a000-0000-7000-8000-000000000001"})
    for answer in [*seen, started]:
        assert access_token not in answer.text
        assert access_token not in str(answer.headers)


async def test_signing_in_again_after_signing_out(site: Site, ada: Person) -> None:
    email = ada.email
    assert (await ada.post("/auth/logout")).status_code == 204
    assert (await ada.get("/")).status_code == 303
    assert (
        await ada.post("/auth/login", json={"email": f"  {email} ", "password": PASSWORD})
    ).status_code == 204
    assert (await ada.get("/")).status_code == 200


async def test_a_copied_cookie_is_useless_after_signing_out(site: Site, ada: Person) -> None:
    copied = ada.cookie
    await ada.post("/auth/logout")
    async with site.browser() as thief:
        thief.cookies.set(COOKIE_NAME, copied)
        assert (await thief.get("/api/conversations")).status_code == 401


async def test_a_copied_cookie_is_useless_after_signing_out_and_a_restart(site: Site, ada: Person) -> None:
    copied = ada.cookie
    await ada.post("/auth/logout")
    await site.restart("page")
    async with site.browser() as thief:
        thief.cookies.set(COOKIE_NAME, copied)
        answer = await thief.get("/api/conversations")
        assert (answer.status_code, reason(answer)) == (401, "SIGNED_OUT")
        assert f"{COOKIE_NAME}=; Path=/; Max-Age=0" in answer.headers["set-cookie"]


async def test_a_sign_in_survives_a_restart_of_the_server(site: Site, ada: Person) -> None:
    before = ada.cookie
    await site.restart("page")
    assert (await ada.get("/api/conversations")).status_code == 200
    assert ada.cookie != before  # the cookie has the new refresh token
    await site.restart("page")
    assert (await ada.get("/api/conversations")).status_code == 200


async def test_many_requests_after_a_restart_use_the_refresh_token_once(site: Site, ada: Person) -> None:
    await site.restart("page")
    answers = await asyncio.gather(*(ada.get("/api/conversations") for _ in range(8)))
    assert [answer.status_code for answer in answers] == [200] * 8
    assert len(set(site.conversation.tokens[-8:])) == 1


async def test_signing_in_as_another_customer_ends_the_first_sign_in(
    site: Site, ada: Person, eve: Person
) -> None:
    first = ada.cookie
    answer = await ada.post("/auth/login", json={"email": eve.email, "password": PASSWORD})
    assert answer.status_code == 204
    async with site.browser() as thief:
        thief.cookies.set(COOKIE_NAME, first)
        assert (await thief.get("/api/conversations")).status_code == 401
    assert (await eve.get("/api/conversations")).status_code == 200


async def test_a_session_ended_at_identity_ends_here_when_a_service_refuses_its_token(
    site: Site, ada: Person
) -> None:
    await ada.get("/api/conversations")
    await end_at_identity(site)
    async with site.conversation.refusing(grpc.StatusCode.UNAUTHENTICATED):
        answer = await ada.post("/api/calls", json={"request_id": uuid7()})
    assert (answer.status_code, reason(answer)) == (401, "SIGNED_OUT")
    assert not ada.cookie
    assert (await ada.get("/login")).status_code == 200  # and not a redirect back to the app


async def test_a_refused_token_is_replaced_and_the_sign_in_continues(site: Site, ada: Person) -> None:
    await ada.get("/api/conversations")
    async with site.conversation.refusing(grpc.StatusCode.UNAUTHENTICATED):
        for _ in range(2):
            answer = await ada.get("/api/conversations")
            assert (answer.status_code, reason(answer)) == (
                503,
                "TOKEN_REFUSED",
            )  # a 401 would cause endless redirects
    assert (await ada.get("/api/conversations")).status_code == 200
    assert len(set(site.conversation.tokens[-4:])) == 3, "each refused token was used again"


async def test_a_feed_with_a_refused_token_checks_the_session_when_it_reconnects(
    site: Site, ada: Person
) -> None:
    path = f"/api/conversations/{site.conversation.add_conversation(ada.customer_id)}/feed"
    async with site.conversation.refusing(grpc.StatusCode.UNAUTHENTICATED):
        await ada.get(path)
    await end_at_identity(site)
    answer = await ada.get(path)
    assert (answer.status_code, reason(answer)) == (401, "SIGNED_OUT")


async def end_at_identity(site: Site) -> None:
    """End the session of the last request at identity, unknown to the web app."""
    async with grpc.aio.insecure_channel(site.identity_address) as channel:
        await IdentityServiceStub(channel).Logout(
            pb.LogoutRequest(request_id=uuid7()), metadata=bearer(site.conversation.tokens[-1])
        )


@pytest.mark.parametrize(
    ("change", "status", "expected"),
    [
        ({"password": "short"}, 400, "INVALID_REQUEST"),
        ({"password": "password"}, 400, "WEAK_PASSWORD"),
        ({"email": "nobody"}, 400, "INVALID_REQUEST"),
        ({"email": "x" * 2000}, 400, "INVALID_REQUEST"),
        ({"display_name": ""}, 400, "INVALID_REQUEST"),
        ({"display_name": None}, 400, "INVALID_REQUEST"),
    ],
)
async def test_an_invalid_sign_up_says_what_is_wrong(
    site: Site, change: dict[str, object], status: int, expected: str
) -> None:
    account = {"email": "ada@example.com", "password": PASSWORD, "display_name": "Ada"} | change
    async with site.browser() as browser:
        answer = await browser.post("/auth/register", json=account)
    assert (answer.status_code, reason(answer)) == (status, expected)
    message = answer.json()["error"]["message"]
    assert message[0].isupper()
    assert message.endswith(".")
    assert "value" not in message  # protovalidate's messages are for developers
    assert str(account["password"]) not in answer.text or account["password"] == "password"


async def test_a_taken_address_and_a_wrong_password_have_their_own_reasons(site: Site, ada: Person) -> None:
    email = ada.email
    async with site.browser() as browser:
        taken = await browser.post(
            "/auth/register", json={"email": email, "password": PASSWORD, "display_name": "Ada"}
        )
        wrong = await browser.post("/auth/login", json={"email": email, "password": PASSWORD + "!"})
        assert (taken.status_code, reason(taken)) == (409, "EMAIL_TAKEN")
        assert (wrong.status_code, reason(wrong)) == (401, "WRONG_CREDENTIALS")
        assert not browser.cookies


async def test_a_wrong_password_keeps_the_existing_sign_in(site: Site, ada: Person) -> None:
    await ada.post("/auth/login", json={"email": ada.email, "password": "not this one"})
    assert (await ada.get("/api/conversations")).status_code == 200


async def test_signing_in_while_identity_is_down_has_a_message_for_people(site: Site) -> None:
    async with site.without("identity"), site.browser() as browser:
        answer = await browser.post("/auth/login", json={"email": "ada@example.com", "password": PASSWORD})
    assert answer.status_code == 503
    assert "account service" in answer.json()["error"]["message"]


async def test_sign_out_works_while_identity_is_down(site: Site, ada: Person) -> None:
    copied = ada.cookie
    async with site.without("identity"):
        assert (await ada.post("/auth/logout")).status_code == 204
    assert not ada.cookie
    async with site.browser() as thief:
        thief.cookies.set(COOKIE_NAME, copied)
        assert (await thief.get("/api/conversations")).status_code == 401


async def test_a_signed_in_customer_is_redirected_from_the_sign_in_page(ada: Person) -> None:
    answer = await ada.get("/login")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_identity_learns_the_address_of_the_browser_and_not_that_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    login = IdentityServicer.Login

    async def recorded(self: IdentityServicer, request: pb.LoginRequest, context: Any) -> pb.LoginResponse:
        seen.append(source_address(context))
        return await login(self, request, context)

    monkeypatch.setattr(IdentityServicer, "Login", recorded)
    form = {"email": "nobody@example.com", "password": PASSWORD}
    forwarded = {"x-forwarded-for": "2001:db8:1:2:3::4"}
    async with site_at(tmp_path, trusted_proxies="127.0.0.1") as site, site.browser() as browser:
        await browser.post("/auth/login", json=form, headers=forwarded)
        await browser.post("/auth/login", json=form)
        async with open_channel(site.identity_address, IDENTITY) as channel:  # anyone else claims in vain
            claim = ((SOURCE_ADDRESS, "203.0.113.9"),)
            with pytest.raises(grpc.aio.AioRpcError):
                await IdentityServiceStub(channel).Login(pb.LoginRequest(**form), metadata=claim)
    assert seen == ["2001:db8:1:2::/64", "127.0.0.1", "127.0.0.1"]
