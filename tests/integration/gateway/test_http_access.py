"""Access to MCP over HTTP: valid tokens, anonymous callers where allowed, known host names."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.integration.gateway.conftest import Mesh, assistant
from tests.mesh_tokens import SigningKey

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

CALL: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
ACCEPT = {"accept": "application/json, text/event-stream"}


async def answer(url: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient() as http:
        return await http.post(url, json=CALL, headers=ACCEPT | headers)


async def test_anonymous_callers_are_accepted_outside_production(mesh: Mesh) -> None:
    async with mesh.gateway() as url, assistant(url) as client:
        assert not (await client.call_tool("get_airport", {"code": "LHR"})).is_error


@pytest.mark.parametrize("settings", [{"environment": "production"}, {"mcp_anonymous": False}])
async def test_anonymous_callers_are_refused_with_a_challenge(mesh: Mesh, settings: dict[str, Any]) -> None:
    async with mesh.gateway(**settings) as url:
        refused = await answer(url)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Bearer")
        async with assistant(url, mesh.token) as client:
            assert not (await client.call_tool("get_airport", {"code": "LHR"})).is_error


@pytest.mark.parametrize(
    "authorization", ["Bearer nonsense", "Basic YWRhOmFkYQ==", f"Bearer {SigningKey().token()}", "Bearer"]
)
async def test_an_invalid_token_is_refused_even_where_none_is_required(
    mesh: Mesh, authorization: str
) -> None:
    async with mesh.gateway() as url:
        refused = await answer(url, authorization=authorization)
    assert refused.status_code == 401
    assert authorization.removeprefix("Bearer ") not in refused.text or authorization == "Bearer"


async def test_an_unknown_host_name_is_refused(mesh: Mesh) -> None:
    async with mesh.gateway() as url:
        assert (await answer(url, host="evil.example")).status_code == 421
        assert (await answer(url, origin="https://evil.example")).status_code == 403


async def test_a_configured_host_name_is_served(mesh: Mesh) -> None:
    async with mesh.gateway(mcp_hosts="travel.example, other.example") as url:
        assert (await answer(url, host="travel.example")).status_code not in (401, 403, 421)


async def test_a_token_that_cannot_be_verified_yet_gets_retry_after(mesh: Mesh) -> None:
    async with mesh.gateway(identity_address="127.0.0.1:1") as url:
        refused = await answer(url, authorization=f"Bearer {mesh.token}")
    assert refused.status_code == 503
    assert refused.headers["retry-after"]
