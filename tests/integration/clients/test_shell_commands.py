"""The commands for other tools in docs/clients.md, each run as written, with the tests' ports."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from readback_client import Addresses, Client, CredentialsInMemory, conversation

from mesh.settings import CHECKOUT
from tests.command_line_tools import TOOLS, link_into
from tests.integration.clients.programs import flights, started_call
from tests.integration.conversation.mesh import Mesh

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

SECTION = (CHECKOUT / "docs/clients.md").read_text().partition("## From a shell\n")[2].partition("\n## ")[0]
INSTALL, SIGN_IN, SEARCH, WATCH, BUF, MEASURE = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
EMAIL, PASSWORD = "asha@example.com", "a long walk in the park"


@pytest.fixture
async def ports(mesh: Mesh, tmp_path: Path) -> AsyncIterator[Mapping[str, str]]:
    """Serve all services to a customer with a conversation; yield the documented ports and the real ones."""
    async with flights(mesh, tmp_path / "flights") as flightdata, mesh.conversation() as address:
        where = Addresses(mesh.identity_address, address, flightdata)
        async with Client(where, store=CredentialsInMemory()) as client:
            await client.register(EMAIL, PASSWORD, "Asha")
            call = await started_call(client)
            request = conversation.EndConversationRequest(call.conversation_id)
            await client.conversation.end_conversation(request)
        real = (where.identity, where.conversation, where.flightdata)
        yield dict(zip(("50051", "50052", "50053"), (each.rpartition(":")[2] for each in real), strict=True))


async def output(script: str, path: str, until: list[str]) -> str:
    """Run a script until it ends, or has printed all of `until`; return its output."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", script),
        env=os.environ | {"PATH": path},
        stdout=PIPE,
        start_new_session=True,
    )
    assert process.stdout
    printed = ""
    try:
        async with asyncio.timeout(90):
            while line := await process.stdout.readline():
                printed += line.decode()
                if until and all(each in printed for each in until):
                    return printed
            assert await process.wait() == 0, printed
    except TimeoutError:
        pytest.fail(f"it neither ended nor printed {until}:\n{printed}")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()
    return printed


def test_the_page_installs_the_tested_versions() -> None:
    assert INSTALL.split("\n") == [*(f"go install {tool.package}@{tool.version}" for tool in TOOLS), ""]


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        pytest.param(
            "", ["readback.flightdata.v1.FlightDataService\n", "rpc SearchFlights ("], id="describe"
        ),
        pytest.param(SEARCH, ['"currency_code":', '"done":'], id="search"),
        pytest.param(WATCH, ["STATE_CHANGE_KIND_CONVERSATION_ENDED", '"caught_up"'], id="watch"),
        pytest.param(BUF, ['"MAA"'], id="buf"),
        pytest.param(MEASURE, ["[OK]   200 responses"], id="measure"),
    ],
)
async def test_the_commands_of_the_page_work(
    ports: Mapping[str, str], tmp_path: Path, block: str, expected: list[str]
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    link_into(tools)
    script = re.sub("|".join(ports), lambda port: ports[port[0]], SIGN_IN + block)
    path = os.pathsep.join((str(tools), str(CHECKOUT / ".venv/bin"), os.environ["PATH"]))
    printed = await output(script, path, expected if block == WATCH else [])
    assert [each for each in expected if each not in printed] == [], printed
