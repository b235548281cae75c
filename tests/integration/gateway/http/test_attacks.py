"""Hostile requests to the HTTP gateway: each is refused at once, and other callers notice nothing."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
import pytest_asyncio

from tests.integration.gateway.conftest import Mesh

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]
ORIGIN = "https://travel.example"
RPC = "/readback.flightdata.v1.FlightDataService/GetAirport"
MEGABYTE = 1 << 20
HARMLESS = b"GET /v1/airports/MAA HTTP/1.1\r\nhost: a\r\n\r\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(mesh: Mesh) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token."""
    async with (
        mesh.http_gateway(gateway_cors_origins=ORIGIN) as url,
        httpx.AsyncClient(base_url=url, timeout=20, trust_env=False) as client,
    ):
        yield client


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def still_serving(http: httpx.AsyncClient) -> AsyncIterator[None]:
    """Check after each attack that others are served at once."""
    yield
    async with asyncio.timeout(2):
        assert (await http.get("/v1/airports/MAA")).status_code == 200


def signed_in(mesh: Mesh) -> dict[str, str]:
    """Return the header of the customer."""
    return {"authorization": f"Bearer {mesh.token}"}


async def raw(http: httpx.AsyncClient, request: bytes) -> bytes:
    """Send bytes, and return everything that comes until the connection closes or is silent."""
    address = urlsplit(str(http.base_url))
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    received = b""
    try:
        writer.write(request)
        async with asyncio.timeout(2):
            while piece := await reader.read(65_536):
                received += piece
    except (TimeoutError, ConnectionResetError):
        pass
    finally:
        writer.close()
    return received


@pytest.mark.parametrize(
    "head",
    [
        b"content-length: 4\r\ntransfer-encoding: chunked\r\n",
        b"transfer-encoding: chunked\r\ncontent-length: 4\r\n",
        b"content-length: 4\r\ncontent-length: 0\r\n",
        b"content-length: +4\r\n",
        b"transfer-encoding: xchunked\r\n",
        b"transfer-encoding: chunked, identity\r\n",
        b"transfer-encoding : chunked\r\n",
        b"x: a\rcontent-length: 4\r\n",
        b"x: a\n y\x00z: b\r\n",
    ],
)
async def test_a_request_with_two_readings_smuggles_no_second_one(
    http: httpx.AsyncClient, head: bytes
) -> None:
    request = b"POST /v1/sessions:login HTTP/1.1\r\nhost: a\r\n" + head + b"\r\n0\r\n\r\n" + HARMLESS
    answer = await raw(http, request)
    assert b"Chennai" not in answer or answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 4"), answer[:200]


@pytest.mark.parametrize("host", [b"", b"evil.example", b"a:99999999", b"a\tb", b"[::1", b"x" * 5000])
async def test_a_host_header_is_never_repeated(http: httpx.AsyncClient, host: bytes) -> None:
    answer = await raw(http, b"GET /docs HTTP/1.1\r\nhost: " + host + b"\r\nconnection: close\r\n\r\n")
    assert b"evil.example" not in answer
    assert b" 500 " not in answer.partition(b"\r\n")[0]


@pytest.mark.parametrize(
    "path",
    [
        "/docs/assets/../documents.py",
        "/docs/assets/%2e%2e/documents.py",
        "/docs/assets/..%2fdocuments.py",
        "/docs/assets//etc/passwd",
        "/docs/assets/swagger-ui.css%00.html",
        "/docs/assets/swagger_ui/LICENSE",
        "/docs/documents.py",
    ],
)
async def test_no_path_leads_out_of_the_listed_assets(http: httpx.AsyncClient, path: str) -> None:
    answer = await raw(http, f"GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://travel.example.evil.com",
        "https://eviltravel.example",
        "http://travel.example",
        "https://travel.example:444",
        "HTTPS://TRAVEL.EXAMPLE",
        "https://travel.example/",
        "https://user@travel.example",
        "*",
    ],
)
async def test_other_origins_get_no_permission(http: httpx.AsyncClient, mesh: Mesh, origin: str) -> None:
    simple = await http.get("/v1/customers/me", headers=signed_in(mesh) | {"origin": origin})
    ask = {"origin": origin, "access-control-request-method": "POST"}
    preflight = await http.options("/v1/event-source", headers=ask)
    for answer in (simple, preflight):
        assert "access-control-allow-origin" not in answer.headers
    assert preflight.status_code == 400


async def test_the_cookie_of_an_event_source_changes_and_reads_nothing_else(
    http: httpx.AsyncClient, mesh: Mesh
) -> None:
    made = await http.post("/v1/event-source", headers=signed_in(mesh))
    cookie = {"cookie": made.headers["set-cookie"].partition(";")[0]}
    assert "Path=/v1/" in made.headers["set-cookie"]
    http.cookies.clear()
    assert (await http.post("/v1/conversations", json={}, headers=cookie)).status_code == 401
    assert (await http.get("/v1/customers/me", headers=cookie)).status_code == 401
    assert (await http.post("/v1/event-source", headers=cookie)).status_code == 401
    connect = "/readback.identity.v1.IdentityService/GetCustomer"
    assert (await http.post(connect, json={}, headers=cookie)).status_code == 401
    forged = {"cookie": "readback-event-source=x%0d%0aset-cookie: a=b"}
    assert (await http.get("/v1/conversations:watch", headers=forged)).status_code == 401


@pytest.mark.parametrize(
    ("path", "headers", "body"),
    [
        ("/v1/sessions:login", {}, b'{"email":' * 7000),
        ("/v1/sessions:login", {}, b'{"email":"a","password":' + b"9" * 60_000 + b"}"),
        ("/v1/sessions:login", {}, json.dumps({f"name{n}": n for n in range(4000)}).encode()),
        ("/v1/sessions:login", {"content-encoding": "gzip"}, gzip.compress(b" " * 30 * MEGABYTE)),
        (RPC, {}, b"[" * 60_000),
        (RPC, {}, b'{"code":' * 7000),
        (RPC, {"content-encoding": "gzip"}, gzip.compress(b" " * 30 * MEGABYTE)),
        (RPC, {"content-encoding": "gzip"}, b"no gzip"),
        (RPC, {"content-type": "application/proto"}, b"\xff" * 100),
    ],
)
async def test_bodies_that_grow_or_nest_are_refused_cheaply(
    http: httpx.AsyncClient, path: str, headers: Mapping[str, str], body: bytes
) -> None:
    before = psutil.Process().memory_info().rss
    async with asyncio.timeout(3):
        refused = await http.post(path, content=body, headers={"content-type": "application/json", **headers})
    assert 400 <= refused.status_code < 500, refused.text[:300]
    assert len(refused.content) < 64 * 1024
    assert psutil.Process().memory_info().rss - before < 20 * MEGABYTE


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\0",
        b"\0\xff\xff\xff\xff",
        b"\0\0\0\0\x09abc",
        b"\x01\0\0\0\x03abc",
        b"\x80\0\0\0\x02ab",
        b"\0\0\0\0\0" * 1000,
        b"\x01" + len(bomb := gzip.compress(bytes(30 * MEGABYTE))).to_bytes(4, "big") + bomb,
    ],
)
@pytest.mark.parametrize("text", [False, True])
async def test_malformed_frames_of_grpc_web_are_refused(
    http: httpx.AsyncClient, frame: bytes, text: bool
) -> None:
    headers = {"content-type": "application/grpc-web-text" if text else "application/grpc-web+proto"}
    headers["grpc-encoding"] = "gzip"
    content = base64.b64encode(frame)[: -1 if text and frame else None] if text else frame
    async with asyncio.timeout(3):
        refused = await http.post(RPC, content=content, headers=headers)
    trailers = refused.content if not text else _decoded(refused.content)
    assert refused.status_code < 500
    status = (
        refused.headers.get("grpc-status") or trailers.partition(b"grpc-status: ")[2][:2].decode().strip()
    )
    assert status not in ("", "0"), refused.content


def _decoded(text: bytes) -> bytes:
    return b"".join(base64.b64decode(text[at : at + 4]) for at in range(0, len(text), 4))


@pytest.mark.parametrize("compressed", [False, True])
async def test_a_message_in_an_address_is_limited(http: httpx.AsyncClient, compressed: bool) -> None:
    message = gzip.compress(bytes(10 * MEGABYTE)) if compressed else bytes(40_000)
    query = {
        "connect": "v1",
        "encoding": "proto",
        "base64": "1",
        "message": base64.urlsafe_b64encode(message).decode(),
    }
    query |= {"compression": "gzip"} if compressed else {}
    answer = await http.get(RPC, params=query)
    assert 400 <= answer.status_code < 500


async def test_any_idempotency_key_is_one_request_or_refused(http: httpx.AsyncClient, mesh: Mesh) -> None:
    for key in (b"x" * 8000, b"\xe9", b"a" * 36, b"{" + b"0" * 32 + b"}"):
        headers = {b"authorization": f"Bearer {mesh.token}".encode(), b"idempotency-key": key}
        answers = [await http.post("/v1/conversations", json={}, headers=headers) for _ in range(2)]
        ids = {answer.json()["conversation"]["conversationId"] for answer in answers}
        assert [answer.status_code for answer in answers] == [200, 200]
        assert len(ids) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"grpc-timeout": "99999999H"},
        {"grpc-timeout": "0n"},
        {"grpc-timeout": "99999999S", "x-request-timeout": "1"},
        {"x-request-timeout": "999999.999999"},
        {"x-request-timeout": "0.000001"},
        {"x-request-timeout": "1e9"},
        {"x-request-timeout": "NaN"},
        {"x-request-timeout": "٣"},
        {"connect-timeout-ms": "9" * 10},
        {"connect-timeout-ms": "-1"},
    ],
)
async def test_no_time_limit_is_a_failure_of_the_gateway(
    http: httpx.AsyncClient, headers: Mapping[str, str]
) -> None:
    encoded = {name.encode(): value.encode() for name, value in headers.items()}
    for answer in (
        await http.get("/v1/airports/MAA", headers=encoded),
        await http.post(RPC, json={"code": "MAA"}, headers=encoded),
    ):
        assert answer.status_code in (200, 400, 408, 504), answer.text


async def test_streams_of_one_customer_are_limited_and_come_free_again(
    http: httpx.AsyncClient, mesh: Mesh
) -> None:
    async with AsyncExitStack() as stack, asyncio.timeout(40):
        statuses = []
        for _ in range(70):
            watching = http.stream("GET", "/v1/conversations:watch", headers=signed_in(mesh))
            statuses.append((await stack.enter_async_context(watching)).status_code)
        assert {200, 429} == set(statuses)
    async with asyncio.timeout(20):
        while True:  # the service notices the ends a moment later
            async with http.stream("GET", "/v1/conversations:watch", headers=signed_in(mesh)) as stream:
                if stream.status_code == 200:
                    return
            await asyncio.sleep(0.2)


async def test_headers_in_any_bytes_are_no_failure(http: httpx.AsyncClient) -> None:
    headers = [(b"x-a", b"\xff"), (b"accept", b"\xc3\xa9"), (b"traceparent", b"\xff" * 60)]
    assert (await http.post(RPC, json={"code": "MAA"}, headers=headers)).status_code == 200
    assert (await http.get("/v1/airports/MAA", headers=headers)).status_code == 200


@pytest.mark.parametrize("path", ["/v1/customers/me", "/readback.identity.v1.IdentityService/GetCustomer"])
async def test_two_tokens_are_refused(http: httpx.AsyncClient, mesh: Mesh, path: str) -> None:
    headers = [*signed_in(mesh).items(), ("authorization", "Bearer nonsense")]
    verb = "GET" if path.startswith("/v1") else "POST"
    for order in (headers, headers[::-1]):
        answer = await http.request(verb, path, headers=order, json={} if verb == "POST" else None)
        assert answer.status_code in (400, 401)
