"""`readback mcp`, started by an assistant as its own process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from readback_client.session import Credentials, CredentialsFile

from services.gateway.app import CONVERSATION, FLIGHTDATA
from services.gateway.mcp.tools import tools_of
from tests.integration.gateway.conftest import Mesh

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


def environment(mesh: Mesh, url: str, config: Path) -> dict[str, str]:
    return os.environ | {
        "READBACK_HOME": str(mesh.home),
        "READBACK_IDENTITY_ADDRESS": mesh.identity_address,
        "READBACK_MCP_URL": url,
        "XDG_CONFIG_HOME": str(config),
    }


@asynccontextmanager
async def over_stdio(mesh: Mesh, url: str, config: Path, mode: str = "auto") -> AsyncIterator[Client]:
    settings = environment(mesh, url, config)
    command = StdioServerParameters(command=sys.executable, args=["-m", "cli", "mcp"], env=settings)
    async with Client(stdio_client(command), mode=mode) as client:
        yield client


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_tools_over_stdio_are_the_same_as_over_http(mesh: Mesh, tmp_path: Path, mode: str) -> None:
    async with mesh.gateway() as url, over_stdio(mesh, url, tmp_path, mode) as client:
        listed = [tool.name for tool in (await client.list_tools()).tools]
        assert listed == list(tools_of([FLIGHTDATA, CONVERSATION]))
        answer = await client.call_tool("get_airport", {"code": "MAA"})
        own = await client.call_tool("list_conversations", {})
    assert answer.structured_content["airport"]["city"] == "Chennai"
    assert own.structured_content["error"]["reason"] == "UNAUTHENTICATED"
    assert "readback login" in own.structured_content["error"]["message"]


async def test_a_login_takes_effect_at_the_next_message(mesh: Mesh, tmp_path: Path) -> None:
    async with mesh.gateway() as url, over_stdio(mesh, url, tmp_path) as client:
        assert (await client.call_tool("list_conversations", {})).is_error
        file = CredentialsFile.in_folder(tmp_path / "readback", mesh.identity_address)
        file.save(Credentials("ada@example.com", mesh.token, time.time() + 600, ""))
        assert not (await client.call_tool("list_conversations", {})).is_error


async def answers(mesh: Mesh, url: str, config: Path, lines: str) -> str:
    """Return what the command writes for these lines."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "mcp"),
        env=environment(mesh, url, config),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(lines.encode())
    assert (process.returncode, err) == (0, b"")
    return out.decode()


LIST = '{"jsonrpc": "2.0", "id": 7, "method": "tools/list"}\n'


async def test_a_gateway_that_is_not_running_is_named(mesh: Mesh, tmp_path: Path) -> None:
    (line,) = (await answers(mesh, "http://127.0.0.1:9/mcp", tmp_path, LIST)).splitlines()
    assert json.loads(line)["id"] == 7
    assert "start it with `readback up`" in json.loads(line)["error"]["message"]


async def test_a_refused_request_is_answered_with_the_reason(mesh: Mesh, tmp_path: Path) -> None:
    async with mesh.gateway(environment="production") as url:
        (line,) = (await answers(mesh, url, tmp_path, LIST)).splitlines()
    assert json.loads(line)["id"] == 7
    assert "needs a valid access token" in json.loads(line)["error"]["message"]


@pytest.mark.parametrize("line", ["nonsense", "[1]", "7", "[" * 100_000])
async def test_a_line_that_is_no_message_is_answered_in_words(mesh: Mesh, tmp_path: Path, line: str) -> None:
    out = await answers(mesh, "http://127.0.0.1:9/mcp", tmp_path, line + "\n")
    assert "This is not a JSON-RPC message" in json.loads(out)["error"]["message"]


async def test_ctrl_c_ends_it_while_it_waits_for_input(mesh: Mesh, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "mcp"),
        env=environment(mesh, "http://127.0.0.1:9/mcp", tmp_path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(LIST.encode())
    await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert await process.wait() == -signal.SIGINT


async def test_the_command_starts_without_the_libraries_that_are_slow_to_import() -> None:
    program = """
import sys
from cli.main import build
build("mcp")(["mcp"], standalone_mode=False)
print([name for name in ("mcp", "grpc", "structlog", "google.protobuf") if name in sys.modules])
"""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert out == b"[]\n"
