"""Gradio's risks, each closed: extra routes, unprotected sessions, data that it would store or send."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest
from starlette.routing import Mount

from gradio_ui import layout as page
from mesh.ids import uuid7
from tests.integration.gradio_ui.site import Person, Site

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

LOADED = 0
"""Number of the web app's only event in Gradio's configuration: the signed-in account."""


async def join(person: Person, session_hash: str) -> httpx.Response:
    event = {"data": [], "fn_index": LOADED, "session_hash": session_hash, "trigger_id": None}
    return await person.post("/gradio_api/queue/join", json=event)


async def outcome(person: Person, session_hash: str) -> Any:
    """Return the last message of Gradio's event stream."""
    async with (
        asyncio.timeout(20),
        person.browser.stream("GET", f"/gradio_api/queue/data?session_hash={session_hash}") as stream,
    ):
        async for line in stream.aiter_lines():
            message = json.loads(line.removeprefix("data: ")) if line else {}
            if message.get("msg") == "process_completed":
                return message["output"]["data"]
    raise AssertionError("the stream ended early")


async def test_the_account_comes_only_from_the_sign_in(ada: Person, eve: Person) -> None:
    for person, name in ((ada, "Ada Lovelace"), (eve, "Eve")):
        session_hash = uuid7()
        assert (await join(person, session_hash)).status_code == 200
        assert await outcome(person, session_hash) == [{"display_name": name, "email": person.email}]


async def test_a_gradio_session_belongs_to_the_sign_in_that_used_it_first(ada: Person, eve: Person) -> None:
    session_hash = uuid7()
    await join(ada, session_hash)
    listening = await eve.get(f"/gradio_api/queue/data?session_hash={session_hash}")
    joining = await join(eve, session_hash)
    beating = await eve.get(f"/gradio_api/heartbeat/{session_hash}")
    for answer in (listening, joining, beating):
        assert (answer.status_code, answer.json()["error"]["reason"]) == (403, "FOREIGN_SESSION")
    assert (await outcome(ada, session_hash))[0]["display_name"] == "Ada Lovelace"


@pytest.mark.parametrize(
    "path",
    [
        "upload",
        "component_server",
        "run/predict",
        "api/predict",
        "call/predict",
        "process_recording",
        "reset",
        "cancel",
        "vibe-edit",
        "stream/x",
    ],
)
async def test_unused_routes_of_gradio_do_not_exist(
    ada: Person, stranger: httpx.AsyncClient, path: str
) -> None:
    for browser in (ada.browser, stranger):
        for prefix in ("/gradio_api", "/login/gradio_api"):
            assert (
                await browser.post(f"{prefix}/{path}", files={"files": ("x.html", b"<script>")})
            ).status_code == 404


USED = {
    ("GET", "/"),
    ("HEAD", "/"),
    ("GET", "/assets/x"),
    ("GET", "/config"),
    ("GET", "/favicon.ico"),
    ("GET", "/static/x"),
    ("GET", "/theme.css"),
    ("GET", "/gradio_api/heartbeat/x"),
    ("GET", "/gradio_api/info"),
    ("GET", "/gradio_api/queue/data"),
    ("POST", "/gradio_api/queue/join"),
    ("GET", "/gradio_api/startup-events"),
    ("GET", "/gradio_api/theme.css"),
}
"""Routes of Gradio that the page uses, with `x` for a parameter."""


def routes_of(routes: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """Yield method and path of each route, with `x` for each parameter."""
    for route in routes:
        inner = getattr(route, "original_router", None) or getattr(route, "app", None)
        if getattr(route, "methods", None):
            yield from ((method, re.sub(r"\{[^}]*\}", "x", route.path)) for method in route.methods)
        else:
            yield from routes_of(getattr(inner, "routes", []))


async def test_every_route_of_gradio_that_the_page_does_not_use_does_not_exist(
    site: Site, ada: Person, stranger: httpx.AsyncClient
) -> None:
    (gradio,) = [route for route in site.app.routes if isinstance(route, Mount) and not route.path]
    offered = set(routes_of([gradio]))
    assert offered >= USED
    assert len(offered - USED) > 30
    for method, path in sorted(offered - USED):
        for browser in (ada.browser, stranger):
            answer = await browser.request(method, path)
            assert answer.status_code == 404, (method, path)
            assert method == "HEAD" or answer.json()["error"]["reason"] == "NOT_FOUND"


@pytest.mark.parametrize(
    "path",
    [
        "/monitoring",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/proxy=http://localhost",
        "/docs",
        "/openapi.json",
        "/gradio_api/app_id",
    ],
)
async def test_gradios_access_to_server_files_does_not_exist(ada: Person, path: str) -> None:
    assert (await ada.get(path)).status_code == 404


async def test_a_signed_out_browser_gets_nothing_of_the_app(stranger: httpx.AsyncClient) -> None:
    for path in (
        "/config",
        "/gradio_api/info",
        "/gradio_api/queue/data?session_hash=x",
        "/gradio_api/heartbeat/x",
        "/theme.css",
    ):
        assert (await stranger.get(path)).status_code == 401
    assert (await stranger.post("/gradio_api/queue/join", json={})).status_code == 401


async def test_gradio_stores_nothing_in_the_browser_and_holds_no_long_streams(ada: Person) -> None:
    config = (await ada.get("/config")).json()
    assert config["run_history"] is False
    assert config["connect_heartbeat"] is False  # would use one of the six connections that browsers allow
    assert config["footer_links"] == []
    assert config["analytics_enabled"] is False
    assert {component["type"] for component in config["components"]}.isdisjoint(
        {"state", "browserstate", "textbox"}
    )
    assert [any(dependency["types"].values()) for dependency in config["dependencies"]] == [
        False
    ]  # no generator, so none to leak


async def test_templates_hold_no_data_that_could_run(ada: Person) -> None:
    config = (await ada.get("/config")).json()
    templates = [
        component["props"]["html_template"]
        for component in config["components"]
        if component["type"] == "html"
    ]
    assert len(templates) == 2 + len(page.TABS)
    for template in templates:
        tag = template.partition(">")[0].removeprefix("<")
        assert template == f"<{tag}></{tag}>"
        assert "-" in tag  # a custom element


async def test_a_hostile_name_is_only_data(site: Site) -> None:
    name = "${document.title='owned'}{{value}}\"'`<img src=x onerror=alert(1)>"
    async with site.signed_in(name) as person:
        session_hash = uuid7()
        await join(person, session_hash)
        assert (await outcome(person, session_hash))[0]["display_name"] == name
        assert "owned" not in (await person.get("/")).text


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"])
async def test_a_post_from_another_site_is_refused(ada: Person, origin: str) -> None:
    for path in ("/auth/logout", "/api/calls", "/gradio_api/queue/join"):
        answer = await ada.post(path, json={}, headers={"origin": origin})
        assert (answer.status_code, answer.json()["error"]["reason"]) == (403, "FOREIGN_ORIGIN")
    assert ada.cookie


@pytest.mark.parametrize("path", ["/auth/login", "/auth/register", "/api/calls", "/login", "/config"])
async def test_a_too_long_request_is_refused_before_it_is_read(
    stranger: httpx.AsyncClient, path: str
) -> None:
    answer = await stranger.post(path, content=b"x" * 100_000)
    assert (answer.status_code, answer.json()["error"]["reason"]) == (413, "TOO_LONG")


async def test_a_too_long_event_is_refused(ada: Person) -> None:
    answer = await ada.post(
        "/gradio_api/queue/join", json={"data": ["x" * 100_000], "fn_index": LOADED, "session_hash": uuid7()}
    )
    assert answer.status_code == 413


async def test_every_response_has_the_security_headers(ada: Person, stranger: httpx.AsyncClient) -> None:
    answers = [await stranger.get(path) for path in ("/", "/login", "/ui/main.js", "/nowhere", "/config")]
    answers += [await ada.get(path) for path in ("/", "/config", "/api/conversations")]
    for answer in answers:
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] in ("no-store", "no-cache"), answer.url


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/", "no-store"),
        ("/api/calls/running", "no-store"),
        ("/ui/main.js", "no-cache"),
        ("/assets/index-abc.js", "immutable"),
    ],
)
async def test_browsers_cache_only_files_that_never_change(ada: Person, path: str, kept: str) -> None:
    assert kept in (await ada.get(path)).headers["cache-control"]


async def test_only_the_gradio_page_may_run_inline_scripts(
    site: Site, ada: Person, stranger: httpx.AsyncClient
) -> None:
    assert "unsafe" not in (await stranger.get("/login")).headers["content-security-policy"]
    policy = (await ada.get("/")).headers["content-security-policy"]
    assert "script-src 'self' 'unsafe-inline' 'unsafe-eval'" in policy
    assert f"connect-src 'self' {site.conversation.livekit_url} http://127.0.0.1:9;" in policy
