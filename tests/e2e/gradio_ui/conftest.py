"""Real Chromium at the real page, through a real LiveKit server, to an agent that does as a test says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect

from mesh.ids import uuid7
from mesh.security.secrets import LiveKitKeys
from tests.e2e.gradio_ui.scripted_agent import ScriptedAgent
from tests.integration.gradio_ui.site import PASSWORD, Site, site_at
from tests.livekit_server import livekit_server

CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
LiveKit = tuple[str, LiveKitKeys]
expect.set_options(timeout=15_000)


@dataclass
class Visitor:
    """Somebody at a browser."""

    site: Site
    context: BrowserContext
    page: Page
    complaints: list[str]
    """Errors in the console, requests to elsewhere, uncaught exceptions."""

    def see(self, testid: str) -> Any:
        """What is found under a `data-testid`."""
        return self.page.get_by_test_id(testid)

    async def sign_up(self, name: str = "Ada Lovelace") -> None:
        """Makes an account without using the form, and opens the page."""
        account = {"email": f"{uuid7()}@example.com", "password": PASSWORD, "display_name": name}
        await self.context.request.post(
            f"{self.site.url}/auth/register", data=account, headers={"origin": self.site.url}
        )
        await self.open()

    async def open(self) -> None:
        """Opens the page, in this tab, and waits until it can be used."""
        await self.page.goto(self.site.url)
        await self.page.locator("voice-panel [data-testid=call-state]").wait_for()

    async def state(self, state: str) -> None:
        """Waits until the call is in a state."""
        await self.page.locator(f"voice-panel[data-state={state}]").wait_for(timeout=15_000)

    async def second_tab(self) -> Visitor:
        """The same browser, another tab, with the page open in it."""
        other = Visitor(self.site, self.context, await self.context.new_page(), self.complaints)
        await other.open()
        return other

    async def call(self, press: Callable[[], Awaitable[None]] | None = None) -> str:
        """Presses Call (or what is given); gives the room's name."""
        async with self.page.expect_response("**/api/calls") as answer:
            await (press or self.see("call").click)()
        return f"call-{(await (await answer.value).json())['call_id']}"

    @asynccontextmanager
    async def talking(self, *, voice: bool = True) -> AsyncIterator[ScriptedAgent]:
        """In a call with an agent that listens."""
        room = await self.call()
        async with self.agent_in(room, voice=voice) as agent:
            await agent.become("listening")
            await self.state("listening")
            yield agent

    def agent_in(self, room: str, identity: str = "agent-1", *, voice: bool = True) -> ScriptedAgent:
        """An agent that joins a room."""
        return ScriptedAgent(
            self.site.conversation.livekit_url,
            self.site.conversation.keys,
            room,
            identity=identity,
            voice=voice,
        )

    @property
    def conversation_id(self) -> str:
        """The newest conversation of the site."""
        return max(self.site.conversation.conversations)


@pytest.fixture(scope="session")
def livekit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveKit]:
    """One LiveKit server for all."""
    with livekit_server(tmp_path_factory.mktemp("livekit")) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A site for the tests of one module."""
    async with site_at(tmp_path_factory.mktemp("site"), *livekit) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """One browser process for the tests of one module."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        yield browser
        await browser.close()


Visit = Callable[..., Awaitable[Visitor]]


@pytest_asyncio.fixture(loop_scope="module")
async def visit(site: Site, chromium: Browser) -> AsyncIterator[Visit]:
    """Opens browsers of their own (`visit(**context options)`); nobody may have left this machine or seen an error."""
    complaints: list[str] = []
    async with AsyncExitStack() as stack:

        async def one_more(**options: Any) -> Visitor:
            context = await chromium.new_context(**{"permissions": ["microphone"]} | options)
            stack.push_async_callback(context.close)
            context.on("request", lambda request: _abroad(request.url, site, complaints))
            context.on("console", lambda message: _note(message, complaints))
            context.on("weberror", lambda error: complaints.append(str(error.error)))
            return Visitor(site, context, await context.new_page(), complaints)

        yield one_more
    assert complaints == []


@pytest_asyncio.fixture(loop_scope="module")
async def ada(visit: Visit) -> Visitor:
    """A customer with the page open."""
    visitor = await visit()
    await visitor.sign_up()
    return visitor


def _note(message: ConsoleMessage, complaints: list[str]) -> None:
    """Notes the page's mistakes.

    What LiveKit's client calls an error is often a peer that left: its own affair.
    """
    if message.type == "error" and not message.location["url"].endswith("/livekit-client.umd.js"):
        complaints.append(message.text)


def _abroad(url: str, site: Site, complaints: list[str]) -> None:
    if not url.startswith(
        (
            site.url,
            "data:",
            "blob:",
            site.conversation.livekit_url,
            site.conversation.livekit_url.replace("ws", "http", 1),
        )
    ):
        complaints.append(f"request to {url}")
