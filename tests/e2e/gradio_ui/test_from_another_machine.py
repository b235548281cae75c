"""The page on plain http at an address of this machine that isn't loopback, as other machines open it.

Browsers treat such a page as insecure: it has no microphone and no `crypto.randomUUID`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from cli.livekit.config import media_addresses
from tests.e2e.gradio_ui.conftest import Visit, Visitor
from tests.integration.gradio_ui.site import Site, site_at
from tests.livekit_server import livekit_server

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

EXPLANATION = "Browsers allow the microphone only on https:// or on this computer. You can type instead."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A site with READBACK_BIND=0.0.0.0, opened at this machine's address."""
    own = media_addresses("127.0.0.1")[1:]
    if not own:
        pytest.skip("this machine has no network")
    with livekit_server(tmp_path_factory.mktemp("livekit"), bind="0.0.0.0") as (url, keys):
        async with site_at(tmp_path_factory.mktemp("site"), url, keys, bind="0.0.0.0") as running:
            running.url = running.url.replace("0.0.0.0", own[0])
            running.conversation.livekit_url = url
            yield running


@pytest_asyncio.fixture(loop_scope="module")
async def ada(visit: Visit) -> Visitor:
    """A signed-in customer on another machine."""
    visitor = await visit(permissions=[])
    await visitor.sign_up()
    assert await visitor.page.evaluate("isSecureContext") is False
    return visitor


async def test_a_typed_line_is_answered_and_the_microphone_is_explained(ada: Visitor) -> None:
    await ada.see("text-input").fill("Chennai to Delhi tomorrow")
    room = await ada.call(ada.see("send").click)
    async with ada.agent_in(room) as agent:
        await agent.become("listening")
        assert (await asyncio.wait_for(agent.typed.get(), 10))[0] == "Chennai to Delhi tomorrow"
        await expect(ada.see("caption")).to_contain_text("Chennai to Delhi tomorrow")
        await ada.see("mute").click()
        await expect(ada.see("notice")).to_have_text(EXPLANATION)
        await agent.say("utterance-1", ["Three flights."])
        await ada.see("hang-up").click()
        await ada.state("ended")


async def test_call_joins_without_a_microphone_and_says_why(ada: Visitor) -> None:
    async with ada.talking():
        await expect(ada.see("notice")).to_have_text(EXPLANATION)
        await expect(ada.see("mute")).to_have_text("Turn on microphone")
