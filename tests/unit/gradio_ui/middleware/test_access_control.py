"""Access control: allowed requests, and the cookie of each response."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from readback.identity.v1 import identity_service_pb2 as identity
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from gradio_ui.middleware.access_control import GRADIO_PATHS, AccessControl
from gradio_ui.sign_in.browser_sessions import BrowserSession, BrowserSessions
from gradio_ui.sign_in.cookie import COOKIE_NAME, CookieCipher

pytestmark = pytest.mark.unit

CIPHER = CookieCipher("a secret of this installation, long enough to be one")


class Behind:
    """The app behind the middleware: records the requests."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.replace: Any = "leave"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.paths.append(scope["path"])
        if self.replace != "leave":
            scope["state"]["session"] = self.replace
        await PlainTextResponse("in")(scope, receive, send)


@pytest.fixture
def sessions() -> BrowserSessions:
    return BrowserSessions(SimpleNamespace(), CIPHER)  # type: ignore[arg-type]  # identity is not called here


@pytest.fixture
def behind() -> Behind:
    return Behind()


@pytest.fixture
def session(sessions: BrowserSessions) -> BrowserSession:
    tokens = identity.TokenPair(access_token="a", refresh_token="r")
    tokens.session_expire_time.FromSeconds(4_000_000_000)
    return sessions.start(identity.Customer(customer_id="customer-1"), tokens)


def browser(
    behind: Behind, sessions: BrowserSessions, cookie: str = "", scheme: str = "http"
) -> httpx.AsyncClient:
    access_control = AccessControl(behind)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = SimpleNamespace(state=SimpleNamespace(services=SimpleNamespace(sessions=sessions)))
        await access_control(scope, receive, send)

    cookies = {COOKIE_NAME: cookie} if cookie else {}
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url=f"{scheme}://readback.test", cookies=cookies
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/login"),
        ("HEAD", "/login"),
        ("GET", "/ui/main.js"),
        ("POST", "/auth/login"),
        ("GET", "/favicon.ico"),
    ],
)
async def test_the_sign_in_page_needs_no_sign_in(
    behind: Behind, sessions: BrowserSessions, method: str, path: str
) -> None:
    async with browser(behind, sessions) as stranger:
        assert (await stranger.request(method, path)).status_code == 200
    assert behind.paths == [path]


@pytest.mark.parametrize(
    ("path", "method"), [*sorted(GRADIO_PATHS.items() - {("/", "GET")}), ("/api/calls/running", "GET")]
)
async def test_other_paths_need_a_sign_in(
    behind: Behind, sessions: BrowserSessions, session: BrowserSession, path: str, method: str
) -> None:
    async with (
        browser(behind, sessions) as stranger,
        browser(behind, sessions, sessions.encrypted(session)) as customer,
    ):
        assert (await stranger.request(method, path)).status_code == 401
        assert (await customer.request(method, path)).status_code == 200
    assert behind.paths == [path]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/login"),
        ("POST", "/"),
        ("POST", "/config"),
        ("GET", "/gradio_api/queue/join"),
        ("DELETE", "/gradio_api/queue/data"),
        ("GET", "/login/"),
        ("GET", "/configuration"),
    ],
)
async def test_a_path_of_gradio_is_open_only_for_the_method_that_the_page_uses(
    behind: Behind, sessions: BrowserSessions, session: BrowserSession, method: str, path: str
) -> None:
    async with browser(behind, sessions, sessions.encrypted(session)) as customer:
        assert (await customer.request(method, path)).status_code == 404
    assert behind.paths == []


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
async def test_unlisted_paths_do_not_exist_even_for_customers(
    behind: Behind, sessions: BrowserSessions, session: BrowserSession, path: str
) -> None:
    async with browser(behind, sessions, sessions.encrypted(session)) as customer:
        assert (await customer.get(f"http://readback.test{path}")).status_code == 404
    assert behind.paths == []


async def test_a_sign_in_sets_the_cookie_and_its_end_deletes_it(
    behind: Behind, sessions: BrowserSessions, session: BrowserSession
) -> None:
    async with browser(behind, sessions) as person:
        behind.replace = session
        await person.post("/auth/login")
        assert sessions.of(person.cookies[COOKIE_NAME]) is session
        behind.replace = "leave"
        assert "set-cookie" not in (await person.get("/login")).headers
        session.ended = True
        await person.get("/login")
        assert COOKIE_NAME not in person.cookies


async def test_cookie_follows_a_refresh(
    behind: Behind, sessions: BrowserSessions, session: BrowserSession
) -> None:
    async with browser(behind, sessions, sessions.encrypted(session)) as person:
        tokens = identity.TokenPair(access_token="a2", refresh_token="r2")
        tokens.session_expire_time.FromSeconds(4_000_000_000)
        session.accept(tokens)
        header = (await person.get("/api/x")).headers["set-cookie"]
        opened = CIPHER.decrypt(header.removeprefix(f"{COOKIE_NAME}=").partition(";")[0])
        assert opened is not None
        assert (opened.refresh_token, opened.generation) == ("r2", 2)


async def test_an_invalid_cookie_is_deleted(behind: Behind, sessions: BrowserSessions) -> None:
    async with browser(behind, sessions, "made-up") as person:
        answer = await person.get("/api/x")
        assert answer.status_code == 401
        assert "Max-Age=0" in answer.headers["set-cookie"]


async def test_over_https_the_cookie_is_secure(
    behind: Behind, sessions: BrowserSessions, session: BrowserSession
) -> None:
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
        ({"origin": "http://readback.test:80"}, True),
        ({"origin": "https://readback.test"}, True),  # a proxy that isn't trusted hides its TLS
        ({"origin": "null"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
    ],
)
async def test_only_the_same_origin_may_change_anything(
    behind: Behind, sessions: BrowserSessions, headers: dict[str, str], passes: bool
) -> None:
    async with browser(behind, sessions) as person:
        assert ((await person.post("/auth/login", headers=headers)).status_code == 200) is passes
        assert (await person.get("/login", headers=headers)).status_code == 200


async def test_over_https_a_plain_http_page_of_the_same_host_may_change_nothing(
    behind: Behind, sessions: BrowserSessions
) -> None:
    async with browser(behind, sessions, scheme="https") as person:
        plain = await person.post("/auth/login", headers={"origin": "http://readback.test"})
        assert plain.json()["error"]["reason"] == "FOREIGN_ORIGIN"
        assert (await person.post("/auth/login", headers={"origin": "https://readback.test"})).text == "in"


async def test_websockets_are_refused(sessions: BrowserSessions, behind: Behind) -> None:
    async def receive() -> dict[str, Any]:
        raise AssertionError("nothing is read")

    async def send(message: Any) -> None:
        raise AssertionError("nothing is answered")

    await AccessControl(behind)({"type": "websocket", "path": "/api/ws"}, receive, send)
    assert behind.paths == []
