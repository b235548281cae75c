"""The TypeScript client in Node, with real services: its example prints the lines of the Python client."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import shutil
import stat
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from readback.conversation.v1 import entry_pb2
from readback_client import Addresses, Client, CredentialsFile, CredentialsInMemory, conversation, identity

from mesh.serving.grpc_server import running
from mesh.settings import CHECKOUT, load
from services.conversation.client.recorder import Recorder
from services.flightdata.app import grpc_service as flightdata_service
from services.flightdata.settings import FlightDataSettings
from tests.integration.conversation.mesh import Mesh
from tests.product import free_ports

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

PACKAGE = CHECKOUT / "clients/typescript"
PROGRAM = PACKAGE / "dist/examples/follow.js"
SHOW_EMAILS = f"""
import {{ connect }} from "{(PACKAGE / "dist/src/node.js").as_uri()}";
const {{ identity }} = connect();
const found = await Promise.all([identity.getCustomer({{}}), identity.getCustomer({{}})]);
console.log(...found.map(({{ customer }}) => customer.email));
"""
"""Makes two calls at once, which share one refresh."""
LIVE_TEXTS = f"""
import {{ LiveTexts }} from "{(PACKAGE / "dist/src/live_texts.js").as_uri()}";
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
KINDS = ("utterance", "tool_call", "tool_result", "state_change")
EMAIL, PASSWORD = "ana@example.com", "a long walk in the park"
TEXTS = ["Hello.", "Where to? 🧭", "To Delhi.", "Zürich\u2028or नई दिल्ली?"]
"""Words with characters outside the basic plane, and with a separator that some line readers split at."""


@pytest.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[Mesh]:
    """Identity alone; tests start the conversation service."""
    async with AsyncExitStack() as stack:
        made = Mesh(tmp_path, stack)
        await made.start_identity()
        yield made


@asynccontextmanager
async def flights(mesh: Mesh, home: Path) -> AsyncIterator[str]:
    """Serve sample flights; yield the address."""
    settings = load(FlightDataSettings, home=home, identity_address=mesh.identity_address)
    async with flightdata_service(settings) as served, running(served) as server:
        yield server.address


@asynccontextmanager
async def node(where: Addresses, home: Path, *arguments: str) -> AsyncIterator[Process]:
    """Run a program in Node."""
    interpreter = shutil.which("node")
    assert interpreter, "Node is missing: run tools/system_packages.sh"
    assert PROGRAM.exists(), "The program is not built: run make clients"
    process = await asyncio.create_subprocess_exec(
        interpreter,
        *arguments,
        env=environment(where, home),
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def environment(where: Addresses, home: Path) -> Mapping[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "XDG_CONFIG_HOME": str(home),
        "EMAIL": EMAIL,
        "PASSWORD": PASSWORD,
        "READBACK_IDENTITY_ADDRESS": where.identity,
        "READBACK_CONVERSATION_ADDRESS": where.conversation,
        "READBACK_FLIGHTDATA_ADDRESS": where.flightdata,
    }


async def said(mesh: Mesh, client: Client, call_id: str, *texts: str) -> None:
    """Let the agent say these words in a call, at its current epoch: on a slow machine there is a new one."""
    call = (await client.conversation.get_call(conversation.GetCallRequest(call_id))).call
    assert call
    async with Recorder(await mesh.agent_stub(), call_id, call.epoch, str(uuid4())) as recorder:
        for text in texts:
            recorder.seal(str(uuid4()), entry_pb2.SPEAKER_AGENT, text)
        await recorder.flushed()


async def line(process: Process, wanted: str) -> list[str]:
    """Return the lines up to the one that ends with these words."""
    assert process.stdout
    lines: list[str] = []
    async with asyncio.timeout(60):
        while not lines or not lines[-1].endswith(wanted):
            read = await process.stdout.readline()
            assert read, await process.communicate()
            lines.append(read.decode().removesuffix("\n"))
    return lines


async def rows(client: Client, conversation_id: str) -> list[str]:
    """Return the rows that the program should print, from the Python client."""
    found = []
    async for entry in client.watch(conversation_id):
        kind = next(name for name in KINDS if getattr(entry, name) is not None)
        text = entry.utterance.text if entry.utterance else ""
        found.append(f"{entry.number}\t{entry.conversation_id}\t{kind}\t{text}")
    return found


async def test_a_program_follows_a_call_across_a_restart_and_prints_the_lines_of_the_python_client(
    mesh: Mesh, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    where = Addresses(mesh.identity_address, f"127.0.0.1:{port}", "")
    async with flights(mesh, tmp_path / "flights") as flightdata, AsyncExitStack() as first:
        where = Addresses(where.identity, where.conversation, flightdata)
        await first.enter_async_context(mesh.conversation(port=port))
        client = await first.enter_async_context(Client(where, store=CredentialsInMemory()))
        await client.register(EMAIL, PASSWORD, "Ana")
        started = await client.conversation.start_conversation(conversation.StartConversationRequest())
        assert started.conversation
        conversation_id = started.conversation.conversation_id
        request = conversation.StartCallRequest(conversation_id=conversation_id)
        call = (await client.conversation.start_call(request)).call
        assert call
        async with node(where, tmp_path, str(PROGRAM), "--entries", conversation_id) as program:
            await said(mesh, client, call.call_id, *TEXTS[:2])
            seen = await line(program, TEXTS[1])
            await first.aclose()
            async with (
                mesh.conversation(port=port),
                Client(
                    where, store=CredentialsFile.in_folder(tmp_path / "readback", where.identity)
                ) as again,
            ):
                await said(mesh, again, call.call_id, *TEXTS[2:])
                seen += await line(program, TEXTS[3])
                await again.conversation.end_conversation(
                    conversation.EndConversationRequest(conversation_id)
                )
                async with asyncio.timeout(30):
                    rest, log = await program.communicate()
                expected = await rows(again, conversation_id)
    seen += rest.decode().removesuffix("\n").split("\n")
    assert program.returncode == 0, log
    assert log.decode().split("\n") == ["connection lost", "connection resumed", ""]
    found = [each for each in seen if not each.startswith("flight ")]
    assert len(seen) > len(found), "no flights"
    assert found == expected


async def test_the_session_of_readback_login_is_used_and_its_token_refreshed(
    mesh: Mesh, tmp_path: Path
) -> None:
    where = Addresses(mesh.identity_address, "127.0.0.1:1", "127.0.0.1:1")
    file = CredentialsFile.in_folder(tmp_path / "readback", mesh.identity_address)
    async with Client(where, store=file) as client:
        await client.register(EMAIL, PASSWORD, "Ana")
        first = file.read()
        assert first
        file.save(dataclasses.replace(first, access_expires=time.time()))
        async with node(where, tmp_path, "--input-type=module", "--eval", SHOW_EMAILS) as program:
            out, log = await asyncio.wait_for(program.communicate(), 60)
        assert out.decode() == f"{EMAIL} {EMAIL}\n", log
        refreshed = file.read()
        assert refreshed
        assert refreshed.refresh_token != first.refresh_token
        assert (await client.identity.get_customer(identity.GetCustomerRequest())).customer
    (path,) = (tmp_path / "readback").glob("*.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_live_text_is_completed_by_code_points(tmp_path: Path) -> None:
    async with node(Addresses(), tmp_path, "--input-type=module", "--eval", LIVE_TEXTS) as program:
        out, log = await asyncio.wait_for(program.communicate(), 60)
    assert out.decode().split("\n") == ["false", "🧭 to Deli", "🧭 to Dehi", "false", ""], log


async def test_errors_of_a_program_name_the_reason(mesh: Mesh, tmp_path: Path) -> None:
    async with flights(mesh, tmp_path / "flights") as flightdata, mesh.conversation() as address:
        where = Addresses(mesh.identity_address, address, flightdata)
        async with node(where, tmp_path, str(PROGRAM), str(uuid4())) as program:
            _, log = await asyncio.wait_for(program.communicate(), 60)
    assert program.returncode == 1
    assert b"reason: 'CONVERSATION_NOT_FOUND'" in log
