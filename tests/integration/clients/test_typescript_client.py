"""The TypeScript client in Node: what its example program doesn't show."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from pathlib import Path

import pytest
from readback_client import Addresses, Client, CredentialsFile

from tests.integration.clients.programs import CLIENTS, EMAIL, PASSWORD, Home, started
from tests.integration.conversation.mesh import Mesh

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

BUILT = CLIENTS / "typescript/dist/src"
EVALUATE = ("node", "--input-type=module", "--eval")
SHOW_EMAILS = f"""
import {{ connect }} from "{(BUILT / "node.js").as_uri()}";
const {{ identity }} = connect();
const found = await Promise.all([identity.getCustomer({{}}), identity.getCustomer({{}})]);
console.log(...found.map(({{ customer }}) => customer.email));
"""
"""Makes two calls at once, which share one refresh."""
LIVE_TEXTS = f"""
import {{ LiveTexts }} from "{(BUILT / "live_texts.js").as_uri()}";
const texts = new LiveTexts();
const change = (offset, tail) => {{
  const live = {{ utteranceId: "a", offset, tail }};
  console.log(texts.complete(live) && live.tail);
}};
change(3, "lost");
change(0, "🧭 to Deli");
change(7, "hi");
texts.close("a");
change(7, "hi");
"""
"""Changes of one utterance: the offset counts code points."""


async def test_two_calls_at_once_share_one_refresh(mesh: Mesh, tmp_path: Path) -> None:
    where = Addresses(mesh.identity_address, "127.0.0.1:1", "127.0.0.1:1")
    file = CredentialsFile.in_folder(tmp_path / "readback", mesh.identity_address)
    async with Client(where, store=file) as client:
        await client.register(EMAIL, PASSWORD, "Ana")
        first = file.read()
        assert first
        file.save(dataclasses.replace(first, access_expires=time.time()))
        async with started(Home(where, tmp_path), EVALUATE, SHOW_EMAILS) as program:
            out, log = await asyncio.wait_for(program.communicate(), 60)
    assert out.decode() == f"{EMAIL} {EMAIL}\n", log


async def test_live_text_is_completed_by_code_points(tmp_path: Path) -> None:
    async with started(Home(Addresses(), tmp_path), EVALUATE, LIVE_TEXTS) as program:
        out, log = await asyncio.wait_for(program.communicate(), 60)
    assert out.decode().split("\n") == ["false", "🧭 to Deli", "🧭 to Dehi", "false", ""], log
