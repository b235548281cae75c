"""Slow, greedy and endless clients of an HTTP server get nothing that others need."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from mesh.ip_addresses import TrustedProxies
from mesh.serving import web_server
from mesh.serving.http_connections import HttpLimits
from mesh.serving.ports import Endpoint

pytestmark = pytest.mark.integration

MEGABYTE = 1 << 20


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the length of the body, or with the client's address."""
    if scope["type"] == "http":
        request = Request(scope, receive)
        text = str(len(await request.body())) if request.method == "POST" else str(scope["client"][0])
        await PlainTextResponse(text)(scope, receive, send)


@asynccontextmanager
async def served(**limits: object) -> AsyncIterator[str]:
    """Serve the app with limits; yield its URL."""
    chosen = HttpLimits(**limits)  # type: ignore[arg-type]  # a field's name and value
    async with web_server.running(app, web_server.WebServer("app", Endpoint(), 1, limits=chosen)) as server:
        yield server.url


@asynccontextmanager
async def connection(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a TCP connection."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def closed(reader: asyncio.StreamReader) -> bytes:
    """Return everything until the server closes the connection."""
    async with asyncio.timeout(10):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


async def test_a_body_within_the_limit_arrives_whole() -> None:
    async with served(body_bytes=1000) as url, httpx.AsyncClient() as client:
        assert (await client.post(url, content=b"x" * 1000)).text == "1000"
        assert (await client.post(url, content=b"")).text == "0"


async def test_a_longer_body_is_refused_with_its_limit() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x" * 100

    async with served(body_bytes=1000) as url, httpx.AsyncClient() as client:
        for content in (b"x" * 1001, pieces()):
            answer = await client.post(url, content=content)
            assert (answer.status_code, answer.json()["error"]["reason"]) == (413, "TOO_LONG")
            assert "1000 bytes" in answer.json()["error"]["message"]


async def test_endless_bodies_take_no_memory() -> None:
    async def flood(url: str) -> None:
        async with connection(url) as (_, writer):
            writer.write(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
            chunk = b"%x\r\n%s\r\n" % (MEGABYTE, b"x" * MEGABYTE)
            for _ in range(150):
                writer.write(chunk)
                await writer.drain()

    async with served() as url:
        before = psutil.Process().memory_info().rss
        floods = await asyncio.gather(*(flood(url) for _ in range(4)), return_exceptions=True)
        assert all(isinstance(end, ConnectionError) for end in floods)
        assert psutil.Process().memory_info().rss - before < 30 * MEGABYTE


@pytest.mark.parametrize("start", [b"", b"POST / HTTP/1.1\r\nhost: a\r\nx-slow: "])
async def test_a_request_whose_head_does_not_end_is_cut_off(start: bytes) -> None:
    async with served(head_seconds=0.2) as url, connection(url) as (reader, writer):
        writer.write(start)
        assert await closed(reader) == b""


async def test_a_dripping_head_gains_no_time_on_a_used_connection() -> None:
    async with served(head_seconds=0.3) as url, connection(url) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert b"200 OK" in await reader.readuntil(b"127.0.0.1")
        writer.write(b"GET / HTTP/1.1\r\n")

        async def drip() -> None:
            while True:
                writer.write(b"a: b\r\n")
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        assert await closed(reader) == b""
        dripping.cancel()


async def test_a_slow_body_is_refused_in_time() -> None:
    async with served(body_seconds=0.2) as url, connection(url) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nx")
        assert (await closed(reader)).startswith(b"HTTP/1.1 408 ")


async def test_a_slow_request_is_no_matter_to_others() -> None:
    async with served() as url, connection(url) as (_, writer), httpx.AsyncClient() as client:
        writer.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nx")
        assert (await client.get(url)).text == "127.0.0.1"


async def test_a_source_has_only_its_share_of_connections_and_gets_it_back() -> None:
    async with served(connections_per_source=2) as url:
        async with connection(url), connection(url), connection(url) as (reader, _):
            assert await closed(reader) == b""
        async with httpx.AsyncClient() as client:
            assert (await client.get(url)).text == "127.0.0.1"


async def test_a_trusted_proxy_has_no_share_but_reports_the_source() -> None:
    headers, proxies = {"x-forwarded-for": "203.0.113.9"}, TrustedProxies("127.0.0.1")
    async with (
        served(connections_per_source=1, trusted_proxies=proxies) as url,
        connection(url),
        httpx.AsyncClient(headers=headers) as client,
    ):
        assert (await client.get(url)).text == "203.0.113.9"


async def test_all_connections_together_have_a_limit() -> None:
    async with served(connections=1) as url, connection(url), connection(url) as (reader, _):
        assert await closed(reader) == b""


async def test_without_trusted_proxies_a_local_process_cannot_claim_another_address() -> None:
    async with served() as url, httpx.AsyncClient() as client:
        assert (await client.get(url, headers={"x-forwarded-for": "203.0.113.9"})).text == "127.0.0.1"
