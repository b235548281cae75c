"""The gate: what passes, for whom, and which cookie comes back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from readback.identity.v1 import identity_service_pb2 as identity
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from gradio_ui.middleware.access_control import GRADIO_PATHS, Gate
from gradio_ui.sign_in.browser_sessions import Session, Sessions
from gradio_ui.sign_in.cookie import COOKIE, CookieSeal

pytestmark = pytest.mark.unit

SEAL = CookieSeal("a secret of this installation, long enough to be one")


class Behind:
    """What is behind the gate: notes who came."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.replace: Any = "leave"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.paths.append(scope["path"])
        if self.replace != "leave":
            scope["state"]["session"] = self.replace
        await PlainTextResponse("in")(scope, receive, send)


@pytest.fixture
def sessions() -> Sessions:
    return Sessions(SimpleNamespace(), SEAL)  # type: ignore[arg-type]  # nothing is asked of identity here


@pytest.fixture
def behind() -> Behind:
    return Behind()


@pytest.fixture
def session(sessions: Sessions) -> Session:
    tokens = identity.TokenPair(access_token="a", refresh_token="r")
    tokens.session_expire_time.FromSeconds(4_000_000_000)
    return sessions.start(identity.Customer(customer_id="customer-1"), tokens)


def browser(behind: Behind, sessions: Sessions, cookie: str = "", scheme: str = "http") -> httpx.AsyncClient:
    gate = Gate(behind)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = SimpleNamespace(state=SimpleNamespace(backends=SimpleNamespace(sessions=sessions)))
        await gate(scope, receive, send)

    cookies = {COOKIE: cookie} if cookie else {}
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url=f"{scheme}://readback.test", cookies=cookies
    )


@pytest.mark.parametrize("path", ["/login", "/ui/main.js", "/auth/login", "/favicon.ico"])
async def test_sign_in_page_is_open_to_anybody(behind: Behind, sessions: Sessions, path: str) -> None:
    async with browser(behind, sessions) as stranger:
        assert (await stranger.get(path)).text == "in"


@pytest.mark.parametrize("path", [*GRADIO_PATHS, "/api/calls/running"])
async def test_the_rest_asks_for_a_sign_in(
    behind: Behind, sessions: Sessions, session: Session, path: str
) -> None:
    async with (
        browser(behind, sessions) as stranger,
        browser(behind, sessions, sessions.sealed(session)) as customer,
    ):
        assert (await stranger.get(path)).status_code == 401
        assert (await customer.get(path)).status_code == 200
    assert behind.paths == [path]


@pytest.mark.parametrize(
    "path",
    [
        "/logins",
        "/login/gradio_api/upload",
        "/gradio_api/upload",
        "/uiother",
        "/api",
        "/nowhere",
        "//",
        "/docs",
    ],
)
async def test_what_is_not_named_does_not_exist_even_for_customers(
    behind: Behind, sessions: Sessions, session: Session, path: str
) -> None:
    async with browser(behind, sessions, sessions.sealed(session)) as customer:
        assert (await customer.get(f"http://readback.test{path}")).status_code == 404
    assert behind.paths == []


async def test_new_sign_in_is_put_into_the_cookie_and_its_end_takes_it_out(
    behind: Behind, sessions: Sessions, session: Session
) -> None:
    async with browser(behind, sessions) as person:
        behind.replace = session
        await person.post("/auth/login")
        assert sessions.of(person.cookies[COOKIE]) is session
        behind.replace = "leave"
        assert "set-cookie" not in (await person.get("/login")).headers
        session.ended = True
        await person.get("/login")
        assert COOKIE not in person.cookies


async def test_cookie_follows_a_refresh(behind: Behind, sessions: Sessions, session: Session) -> None:
    async with browser(behind, sessions, sessions.sealed(session)) as person:
        tokens = identity.TokenPair(access_token="a2", refresh_token="r2")
        tokens.session_expire_time.FromSeconds(4_000_000_000)
        session.accept(tokens)
        header = (await person.get("/api/x")).headers["set-cookie"]
        opened = SEAL.open(header.removeprefix(f"{COOKIE}=").partition(";")[0])
        assert opened is not None
        assert (opened.refresh_token, opened.generation) == ("r2", 2)


async def test_cookie_that_nobody_sealed_is_deleted(behind: Behind, sessions: Sessions) -> None:
    async with browser(behind, sessions, "made-up") as person:
        answer = await person.get("/api/x")
        assert answer.status_code == 401
        assert "Max-Age=0" in answer.headers["set-cookie"]


async def test_over_https_the_cookie_is_secure(behind: Behind, sessions: Sessions, session: Session) -> None:
    async with browser(behind, sessions, scheme="https") as person:
        behind.replace = session
        assert "; Secure" in (await person.post("/auth/login")).headers["set-cookie"]


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"origin": "http://readback.test"}, True),
        ({}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"origin": "http://evil.test"}, False),
        ({"origin": "http://readback.test.evil.test"}, False),
        ({"origin": "http://readback.test:81"}, False),
        ({"origin": "null"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
    ],
)
async def test_only_own_pages_may_change_anything(
    behind: Behind, sessions: Sessions, headers: dict[str, str], passes: bool
) -> None:
    async with browser(behind, sessions) as person:
        assert ((await person.post("/auth/login", headers=headers)).status_code == 200) is passes
        assert (await person.get("/login", headers=headers)).status_code == 200


async def test_websockets_are_not_spoken(sessions: Sessions, behind: Behind) -> None:
    async def receive() -> dict[str, Any]:
        raise AssertionError("nothing is read")

    async def send(message: Any) -> None:
        raise AssertionError("nothing is answered")

    await Gate(behind)({"type": "websocket", "path": "/api/ws"}, receive, send)
    assert behind.paths == []
