"""The example page in the docs, in a real browser on another origin, while a call is recorded."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import pytest
from playwright.async_api import Browser, expect
from readback.conversation.v1.entry_pb2 import SPEAKER_CUSTOMER

from mesh.ids import uuid7
from mesh.settings import CHECKOUT
from tests.integration.gateway.conftest import Mesh

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]
ACCOUNT = {"email": "page@example.com", "password": "viaduct otter 19", "displayName": "Page"}


class Quiet(http.server.SimpleHTTPRequestHandler):
    """File server without a log."""

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def origin() -> Iterator[str]:
    """The origin of the page: any web server with files."""
    handler = partial(Quiet, directory=str(CHECKOUT / "docs/examples"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


async def test_a_page_signs_in_searches_and_follows_a_call(mesh: Mesh, browser: Browser, origin: str) -> None:
    async with mesh.http_gateway(gateway_cors_origins=origin) as url:
        async with httpx.AsyncClient(base_url=url) as client:
            token = (await client.post("/v1/customers", json=ACCOUNT)).json()["tokens"]["accessToken"]
            client.headers["authorization"] = f"Bearer {token}"
            started = (await client.post("/v1/conversations", json={})).json()["conversation"]
            path = f"/v1/conversations/{started['conversationId']}/calls"
            call = (await client.post(path, json={})).json()["call"]["callId"]
        page = await browser.new_page()
        await page.goto(f"{origin}/follow.html?gateway={url}")
        for name in ("email", "password"):
            await page.locator(f"[name={name}]").fill(ACCOUNT[name])
        await page.get_by_role("button", name="Sign in").click()
        day = (datetime.now(UTC) + timedelta(days=20)).date().isoformat()
        for name, value in {"origin": "MAA", "destination": "DEL", "departureDate": day}.items():
            await page.locator(f"[name='legs.0.{name}']").fill(value)
        async with mesh.recorder(call) as recorder:
            recorder.seal(uuid7(), SPEAKER_CUSTOMER, "Chennai to Delhi")
            await expect(page.locator("#transcript li")).to_have_text(["Chennai to Delhi"], timeout=20_000)
            recorder.seal(uuid7(), SPEAKER_CUSTOMER, "Tomorrow")
            await expect(page.locator("#transcript li")).to_have_text(
                ["Chennai to Delhi", "Tomorrow"], timeout=20_000
            )
        await page.get_by_role("button", name="Search").click()
        await expect(page.locator("#flights li").first).to_contain_text("6E", timeout=20_000)
        await page.close()
