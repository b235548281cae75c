"""The web app over real sockets, with the real identity service and a controlled conversation service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
import httpx
from readback.conversation.v1.conversation_service_pb2_grpc import add_ConversationServiceServicer_to_server

from gradio_ui.app import create_app
from gradio_ui.app import running as web_app_running
from gradio_ui.settings import UiSettings
from gradio_ui.sign_in.cookie import COOKIE_NAME
from mesh.ids import uuid7
from mesh.security.secrets import LiveKitKeys
from mesh.serving.grpc_server import running
from mesh.serving.ports import Endpoint
from mesh.settings import load
from services.identity.app import grpc_service
from services.identity.settings import IdentitySettings
from tests.integration.gradio_ui.conversation_double import ConversationDouble

PASSWORD = "a long walk in the park"


@dataclass(frozen=True)
class Person:
    """A customer with a signed-in browser."""

    browser: httpx.AsyncClient
    email: str
    customer_id: str

    @property
    def cookie(self) -> str:
        """The sign-in cookie."""
        return self.browser.cookies.get(COOKIE_NAME) or ""

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.browser.get(path, **more)

    async def post(self, path: str, **more: Any) -> httpx.Response:
        return await self.browser.post(path, **more)

    async def delete(self, path: str) -> httpx.Response:
        return await self.browser.delete(path)


class Site:
    """The web app and its services. Tests can stop and restart each of them at its address."""

    def __init__(self, home: Path, conversation: ConversationDouble, **settings: object) -> None:
        self.home, self.conversation = home, conversation
        self.settings = load(
            UiSettings,
            home=home,
            ui_port=0,
            LIVEKIT_URL=conversation.livekit_url,
            ui_feed_heartbeat_seconds=1,
            **settings,
        )
        self.url = ""
        self.identity_address = self.conversation_address = "127.0.0.1:0"
        self._parts: dict[str, AsyncExitStack] = {}

    async def __aenter__(self) -> Site:
        await self.start_identity()
        await self.start_conversation()
        await self.start_page()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for part in ("page", "conversation", "identity"):
            await self.stop(part)

    async def stop(self, part: str) -> None:
        """Stop `identity`, `conversation` or `page`."""
        stack = self._parts.pop(part, None)
        if stack is not None:
            await stack.aclose()

    @asynccontextmanager
    async def without(self, part: str) -> AsyncIterator[None]:
        """Stop a part during the block."""
        await self.stop(part)
        try:
            yield
        finally:
            await getattr(self, f"start_{part}")()
            await self._answered()

    async def _answered(self) -> None:
        """Wait until the web app reaches both services again: gRPC reconnects in growing intervals."""
        async with asyncio.timeout(20), self.browser() as browser:
            unknown = {"email": "nobody@example.com", "password": PASSWORD}
            while (await browser.post("/auth/login", json=unknown)).status_code == 503:  # noqa: ASYNC110 -- no event
                await asyncio.sleep(0.05)
            if "conversation" in self._parts:
                async with self.signed_in() as person:
                    while (await person.get("/api/conversations")).status_code == 503:  # noqa: ASYNC110 -- no event
                        await asyncio.sleep(0.05)

    async def restart(self, part: str) -> None:
        """Restart a part at its address."""
        async with self.without(part):
            pass

    async def start_identity(self, **settings: object) -> None:
        stack = self._parts["identity"] = AsyncExitStack()
        served = await stack.enter_async_context(
            grpc_service(load(IdentitySettings, home=self.home, identity_bcrypt_cost=4, **settings))
        )
        port = int(self.identity_address.rsplit(":", 1)[1])
        self.identity_address = (
            await stack.enter_async_context(running(served, endpoint=Endpoint(port=port)))
        ).address

    async def start_conversation(self) -> None:
        stack = self._parts["conversation"] = AsyncExitStack()
        server = grpc.aio.server()
        add_ConversationServiceServicer_to_server(self.conversation, server)
        self.conversation_address = f"127.0.0.1:{server.add_insecure_port(self.conversation_address)}"
        await server.start()
        stack.push_async_callback(server.stop, 0)

    async def start_page(self) -> None:
        """Start the web app. A second start, at the same port, behaves like a new process."""
        stack = self._parts["page"] = AsyncExitStack()
        addresses = {
            "identity_address": self.identity_address,
            "conversation_address": self.conversation_address,
        }
        port = int(self.url.rsplit(":", 1)[1]) if self.url else 0
        self.settings = self.settings.model_copy(update=addresses | {"ui_port": port})
        self.app = create_app(self.settings)
        self.url = (await stack.enter_async_context(web_app_running(self.app, self.settings))).url

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[httpx.AsyncClient]:
        """A browser: keeps cookies, sends its origin."""
        async with httpx.AsyncClient(base_url=self.url, headers={"origin": self.url}, timeout=20) as browser:
            yield browser

    @asynccontextmanager
    async def signed_in(self, name: str = "Ada Lovelace") -> AsyncIterator[Person]:
        """The browser of a customer who has just signed up."""
        async with self.browser() as browser:
            account = {"email": f"{uuid7()}@example.com", "password": PASSWORD, "display_name": name}
            answer = await browser.post("/auth/register", json=account)
            assert answer.status_code == 204, answer.text
            yield Person(browser, account["email"], (await browser.get("/config")).json()["username"])


@asynccontextmanager
async def site_at(
    home: Path, livekit_url: str = "ws://127.0.0.1:9", keys: LiveKitKeys | None = None, **settings: object
) -> AsyncIterator[Site]:
    """A site with its own home folder and settings."""
    async with Site(home, ConversationDouble(livekit_url, keys), **settings) as site:
        yield site
