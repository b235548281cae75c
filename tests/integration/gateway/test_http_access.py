"""Access to MCP over HTTP: valid tokens, anonymous callers where allowed, known host names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from mesh.serving.http_connections import HttpLimits
from services.gateway.mcp.transports import NO_REQUEST
from tests.integration.gateway.conftest import Mesh, assistant
from tests.mesh_tokens import SigningKey

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

CALL: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
ACCEPT = {"accept": "application/json, text/event-stream"}


async def answer(url: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient() as http:
        return await http.post(url, json=CALL, headers=ACCEPT | headers)


INITIALIZE: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
FLIGHTS: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 2,
    "method": "tools/call",
    "params": {
        "name": "search_flights",
        "arguments": {
            "legs": [
                {
                    "origin": "MAA",
                    "destination": "DEL",
                    "departure_date": (datetime.now(UTC) + timedelta(days=2)).date().isoformat(),
                }
            ],
        },
        "_meta": {"progressToken": "p"},
    },
}


@pytest.mark.parametrize("accept", ["application/json", "application/*", ""])
@pytest.mark.parametrize("message", [INITIALIZE, FLIGHTS], ids=["initialize", "a tool with progress"])
async def test_a_client_that_accepts_only_json_gets_json(
    mesh: Mesh, accept: str, message: dict[str, Any]
) -> None:
    async with mesh.gateway() as url, httpx.AsyncClient() as http:
        request = http.build_request("POST", url, json=message, headers={"accept": accept})
        if not accept:
            del request.headers["accept"]
        response = await http.send(request)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("application/json")
    assert response.json()["result"]


async def test_a_client_that_accepts_a_stream_gets_progress(mesh: Mesh) -> None:
    async with mesh.gateway() as url, httpx.AsyncClient() as http:
        response = await http.post(url, json=FLIGHTS, headers=ACCEPT)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert "notifications/progress" in response.text


async def test_the_address_with_a_slash_is_served_too(mesh: Mesh) -> None:
    async with mesh.gateway() as url, httpx.AsyncClient() as http:
        response = await http.post(f"{url}/", json=INITIALIZE, headers=ACCEPT)
        assert response.status_code == 200
        assert (await http.post(f"{url}/", json=INITIALIZE)).status_code == 200


@pytest.mark.parametrize("body", ["{}", "[1]", '"x"', '{"jsonrpc": "2.0", "id": 1}'])
async def test_a_body_that_is_no_request_is_refused_in_plain_words(mesh: Mesh, body: str) -> None:
    async with mesh.gateway() as url, httpx.AsyncClient() as http:
        response = await http.post(url, content=body, headers=ACCEPT | {"content-type": "application/json"})
    assert response.status_code == 400
    assert response.json()["error"]["message"] == NO_REQUEST


async def test_a_request_that_is_too_large_is_refused(mesh: Mesh) -> None:
    async with mesh.gateway() as url, httpx.AsyncClient() as http:
        message = INITIALIZE | {"padding": "x" * HttpLimits().body_bytes}
        assert (await http.post(url, json=message, headers=ACCEPT)).status_code == 413


async def test_anonymous_callers_are_accepted_outside_production(mesh: Mesh) -> None:
    async with mesh.gateway() as url, assistant(url) as client:
        assert not (await client.call_tool("get_airport", {"code": "LHR"})).is_error


@pytest.mark.parametrize("settings", [{"environment": "production"}, {"mcp_anonymous": False}])
async def test_anonymous_callers_are_refused_with_a_challenge(mesh: Mesh, settings: dict[str, Any]) -> None:
    async with mesh.gateway(**settings) as url:
        refused = await answer(url)
        assert refused.status_code == 401
        challenge = refused.headers["www-authenticate"]
        metadata = url.replace("/mcp", "/.well-known/oauth-protected-resource/mcp")
        assert challenge == f'Bearer realm="readback", resource_metadata="{metadata}"'
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
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]
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


@pytest.mark.parametrize("path", ["/mcp", ""])
async def test_the_metadata_of_the_resource_is_public(mesh: Mesh, path: str) -> None:
    async with mesh.gateway(environment="production") as url, httpx.AsyncClient() as http:
        metadata = url.replace("/mcp", "/.well-known/oauth-protected-resource") + path
        found = await http.get(metadata)
    assert found.status_code == 200
    assert found.json()["resource"] == url
    assert found.json()["bearer_methods_supported"] == ["header"]


async def test_pages_of_allowed_origins_may_use_it_and_others_may_not(mesh: Mesh) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    async with (
        mesh.gateway(gateway_cors_origins="https://travel.example") as url,
        httpx.AsyncClient() as http,
    ):
        allowed = await http.options(url, headers=asked | {"origin": "https://travel.example"})
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == "https://travel.example"
        listed = await answer(url, origin="https://travel.example")
        assert listed.status_code == 200
        assert listed.headers["access-control-allow-origin"] == "https://travel.example"
        refused = await answer(url, origin="https://evil.example")
        assert refused.status_code == 403
        assert "access-control-allow-origin" not in refused.headers


async def test_a_page_of_an_allowed_origin_can_read_why_its_token_was_refused(mesh: Mesh) -> None:
    async with mesh.gateway(gateway_cors_origins="https://travel.example") as url:
        refused = await answer(url, origin="https://travel.example", authorization="Bearer nonsense")
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "https://travel.example"
    assert "www-authenticate" in refused.headers["access-control-expose-headers"].lower()
