"""`readback mcp`, started by an assistant as its own process."""

from __future__ import annotations

import os
import sys

import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from services.gateway.app import FLIGHTDATA
from services.gateway.mcp.tools import tools_of
from tests.integration.gateway.conftest import Mesh

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def test_tools_over_stdio_are_the_same_as_over_http(mesh: Mesh) -> None:
    settings = {
        "READBACK_HOME": str(mesh.home),
        "READBACK_IDENTITY_ADDRESS": mesh.identity_address,
        "READBACK_FLIGHTDATA_ADDRESS": mesh.flightdata_address,
    }
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "cli", "mcp"], env=os.environ | settings
    )
    async with Client(stdio_client(command)) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == list(tools_of([FLIGHTDATA]))
        answer = await client.call_tool("get_airport", {"code": "MAA"})
    assert answer.structured_content["airport"]["city"] == "Chennai"
