"""The TypeScript client in a real browser, through the gateway, which restarts while a call is followed."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from readback.conversation.v1.entry_pb2 import SPEAKER_CUSTOMER

from mesh.ids import uuid7
from mesh.settings import CHECKOUT
from tests.e2e.gateway.test_example_page import Quiet
from tests.integration.gateway.conftest import Mesh
from tests.product import free_ports

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]
BUNDLE = CHECKOUT / "clients/typescript/dist/readback-client.js"
PAGE = """<!doctype html><meta charset="utf-8"><ul></ul>
<script type="module">
  import { connect, ReadbackError } from "./readback-client.js";
  const show = (text) => document.querySelector("ul").appendChild(document.createElement("li")).append(text);
  const client = connect(new URLSearchParams(location.search).get("gateway"));
  await client.register("browser@example.com", "viaduct otter 19", "Browser");
  const reason = (error) => error instanceof ReadbackError && error.reason;
  show(await client.conversation.getConversation({ conversationId: crypto.randomUUID() }).catch(reason));
  const { conversation } = await client.conversation.startConversation({});
  const { conversationId } = conversation;
  const { call } = await client.conversation.startCall({ conversationId });
  document.body.dataset.call = call.callId;
  for await (const { content } of client.watch({ conversationId }, { onConnection: show })) {
    if (content.case === "utterance") show(content.value.text);
    if (content.value.text === "That is all") await client.conversation.endConversation({ conversationId });
  }
  show("end");
</script>"""


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[str]:
    """The origin of the page."""
    assert BUNDLE.exists(), "The client is not built: run make clients"
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / BUNDLE.name).write_bytes(BUNDLE.read_bytes())
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


async def test_a_page_follows_a_call_across_a_restart_of_the_gateway(
    mesh: Mesh, browser: Browser, origin: str
) -> None:
    (port,) = free_ports(1)
    page = await browser.new_page()
    lines = page.locator("li")
    expected = ["CONVERSATION_NOT_FOUND", "Chennai to Delhi"]
    async with AsyncExitStack() as stack:
        async with mesh.http_gateway(port=port, gateway_cors_origins=origin) as url:
            await page.goto(f"{origin}/?gateway={url}")
            call = await page.locator("body[data-call]").get_attribute("data-call", timeout=20_000)
            assert call
            recorder = await stack.enter_async_context(mesh.recorder(call))
            recorder.seal(uuid7(), SPEAKER_CUSTOMER, "Chennai to Delhi")
            await expect(lines).to_have_text(expected, timeout=20_000)
        expected.append("lost")
        await expect(lines).to_have_text(expected, timeout=20_000)
        async with mesh.http_gateway(port=port, gateway_cors_origins=origin):
            recorder.seal(uuid7(), SPEAKER_CUSTOMER, "That is all")
            expected += ["resumed", "That is all", "end"]
            await expect(lines).to_have_text(expected, timeout=20_000)
    await page.close()
