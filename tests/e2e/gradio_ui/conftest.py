"""Real Chromium with the real web app, a real LiveKit server, and a scripted agent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
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
    """A customer with a browser."""

    site: Site
    context: BrowserContext
    page: Page
    problems: list[str]
    """Errors in the console, requests to elsewhere, uncaught exceptions."""
    account: dict[str, str] = field(default_factory=dict)

    def see(self, testid: str) -> Any:
        """Return the element with a `data-testid`."""
        return self.page.get_by_test_id(testid)

    async def sign_up(self, name: str = "Ada Lovelace") -> None:
        """Create an account without the form, and open the app."""
        self.account = {"email": f"{uuid7()}@example.com", "password": PASSWORD, "display_name": name}
        await self.post("/auth/register", self.account)
        await self.open()

    async def sign_in_as(self, other: Visitor) -> None:
        """Sign in to the account of another browser without the form, and open the app."""
        await self.post("/auth/login", {name: other.account[name] for name in ("email", "password")})
        await self.open()

    async def post(self, path: str, data: dict[str, str]) -> None:
        """Post to the site with the browser's cookies."""
        await self.context.request.post(
            f"{self.site.url}{path}", data=data, headers={"origin": self.site.url}
        )

    async def open(self) -> None:
        """Open the app in this tab and wait until it is ready."""
        await self.page.goto(self.site.url)
        await self.page.locator("voice-panel [data-testid=call-state]").wait_for()

    async def state(self, state: str) -> None:
        """Wait until the call is in a state."""
        await self.page.locator(f"voice-panel[data-state={state}]").wait_for(timeout=15_000)

    async def second_tab(self) -> Visitor:
        """Open the app in another tab of the same browser."""
        other = Visitor(self.site, self.context, await self.context.new_page(), self.problems)
        await other.open()
        return other

    async def call(self, press: Callable[[], Awaitable[None]] | None = None) -> str:
        """Press Call, or another button, and return the room's name."""
        async with self.page.expect_response("**/api/calls") as answer:
            await (press or self.see("call").click)()
        return f"call-{(await (await answer.value).json())['call_id']}"

    @asynccontextmanager
    async def talking(self, *, voice: bool = True) -> AsyncIterator[ScriptedAgent]:
        """Run a call with an agent that listens, during the block."""
        room = await self.call()
        async with self.agent_in(room, voice=voice) as agent:
            await agent.become("listening")
            await self.state("listening")
            yield agent

    def agent_in(self, room: str, identity: str = "agent-1", *, voice: bool = True) -> ScriptedAgent:
        """Return an agent for a room."""
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
    """One LiveKit server for all tests."""
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
    """Opener of separate browsers, `visit(**context options)`.

    Fails the test on console errors and on requests to other hosts.
    """
    problems: list[str] = []
    async with AsyncExitStack() as stack:

        async def open_browser(**options: Any) -> Visitor:
            context = await chromium.new_context(**{"permissions": ["microphone"]} | options)
            stack.push_async_callback(context.close)
            context.on("request", lambda request: _note_foreign_request(request.url, site, problems))
            context.on("console", lambda message: _note_error(message, problems))
            context.on("weberror", lambda error: problems.append(str(error.error)))
            return Visitor(site, context, await context.new_page(), problems)

        yield open_browser
    assert problems == []


@pytest_asyncio.fixture(loop_scope="module")
async def ada(visit: Visit) -> Visitor:
    """A signed-in customer with the app open."""
    visitor = await visit()
    await visitor.sign_up()
    return visitor


def _note_error(message: ConsoleMessage, problems: list[str]) -> None:
    """Note console errors, except of LiveKit's client, which logs an error when a peer leaves."""
    if message.type == "error" and not message.location["url"].endswith("/livekit-client.umd.js"):
        problems.append(message.text)


def _note_foreign_request(url: str, site: Site, problems: list[str]) -> None:
    if not url.startswith(
        (
            site.url,
            "data:",
            "blob:",
            site.conversation.livekit_url,
            site.conversation.livekit_url.replace("ws", "http", 1),
        )
    ):
        problems.append(f"request to {url}")
