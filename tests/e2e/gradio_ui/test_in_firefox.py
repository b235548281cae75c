"""A call in Firefox, which sends no media over loopback, with the configuration of the default `make run`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mesh.ids import uuid7
from tests.e2e.gradio_ui.firefox import Firefox, firefox
from tests.e2e.gradio_ui.scripted_agent import ScriptedAgent
from tests.integration.gradio_ui.site import PASSWORD, Site

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

SIGN_UP = """
const headers = { "content-type": "application/json" };
return fetch("/auth/register", { method: "POST", headers, body: JSON.stringify(arguments[0]) })
  .then((answer) => answer.status);
"""


async def state(browser: Firefox, wanted: str) -> None:
    await browser.until(f"return document.querySelector('voice-panel')?.dataset.state === '{wanted}';")


async def test_both_sides_hear_and_read_each_other_in_firefox(site: Site, tmp_path: Path) -> None:
    account = {"email": f"{uuid7()}@example.com", "password": PASSWORD, "display_name": "Ada"}
    async with firefox(tmp_path) as browser:
        await browser.open(f"{site.url}/login")
        assert await browser.run(SIGN_UP, account) == 204
        await browser.open(site.url)
        await state(browser, "idle")
        await browser.click("call")
        call = await _running_call(site)
        async with ScriptedAgent(
            site.conversation.livekit_url, site.conversation.keys, f"call-{call}"
        ) as agent:
            await agent.become("listening")
            await state(browser, "listening")
            await agent.until_loud()
            await agent.say(uuid7(), ["Where to?"])
            await browser.until("return document.body.innerText.includes('Where to?');")
            await browser.run(
                "const input = document.querySelector('[data-testid=text-input]');"
                "input.value = 'Goa, please'; input.form.requestSubmit();"
            )
            assert (await asyncio.wait_for(agent.typed.get(), 10))[0] == "Goa, please"
            await browser.click("hang-up")
            await state(browser, "ended")


async def _running_call(site: Site) -> str:
    async with asyncio.timeout(20):
        while True:
            for conversation in site.conversation.conversations.values():
                if conversation.HasField("running_call"):
                    return conversation.running_call.call_id
            await asyncio.sleep(0.05)
