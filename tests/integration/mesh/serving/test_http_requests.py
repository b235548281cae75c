"""Requests that HTTP/1.1 forbids are refused, and one request never changes another's response."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from mesh.serving import web_server
from mesh.serving.http_connections import HttpLimits
from mesh.serving.ports import Endpoint
from tests.integration.mesh.serving.test_http_limits import closed, connection

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]
GET, POST = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"POST / HTTP/1.1\r\nhost: a\r\n"
SLOW = b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"
UPGRADE = b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: x\r\n"
"""As Java's HTTP client and `curl --http2` send it."""
REFUSAL = b"Invalid HTTP request received."


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the path, the body and the names of the headers; or stream two pieces."""
    if scope["type"] != "http":
        return
    request = Request(scope, receive)
    body = (await request.body()).decode()
    response = PlainTextResponse(f"<{scope['path']}|{body}|{','.join(request.headers.keys())}>")
    if scope["path"] == "/slow":
        await asyncio.sleep(0.1)
    if scope["path"] == "/stream":
        response = StreamingResponse(pieces())  # type: ignore[assignment]  # a response too
    await response(scope, receive, send)


async def pieces() -> AsyncIterator[bytes]:
    """Yield the two pieces of a stream."""
    for piece in (b"one", b"two"):
        yield piece
        await asyncio.sleep(0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url() -> AsyncIterator[str]:
    """Serve the app."""
    async with web_server.running(app, web_server.WebServer("app", Endpoint(), 1)) as server:
        yield server.url


async def answers(url: str, *parts: bytes) -> bytes:
    """Send parts of requests one after another; return everything until the connection closes."""
    async with connection(url) as (reader, writer):
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0.02)
        return await closed(reader)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        b"GET / HTTP/1.0\r\nhost: a\r\nhost: b\r\n\r\n",
        b"GET / HTTP/2.0\r\nhost: a\r\n\r\n",
        b"GET /\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT a:80 HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET /\xc3\xa9 HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: a\rb: c\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost : a\r\n\r\n",
        POST + b"content-length: 1\r\ncontent-length: 1\r\n\r\nx",
        POST + b"content-length: 0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"transfer-encoding: chunked\r\ncontent-length: 0\r\n\r\n0\r\n\r\n",
        POST + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        POST + b"transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"transfer-encoding: identity\r\n\r\n",
        POST + UPGRADE + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        CHUNKED + b"1\r\nxy\r\n0\r\n\r\n",
        CHUNKED + b"fffffffffffffffff\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_a_forbidden_request_is_refused_and_ends_the_connection(url: str, request_: bytes) -> None:
    answer = await answers(url, request_, GET)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert answer.endswith(b"\r\n\r\n" + REFUSAL)


@pytest.mark.parametrize(
    "start",
    [b"GET /", GET[:-2] + b"x: ", GET[:-2], CHUNKED + b"1\r\nx\r\n1;", CHUNKED + b"1\r\nx\r\n0\r\nx: "],
)
async def test_no_head_chunk_or_trailer_is_endless(url: str, start: bytes) -> None:
    line = b"a: b\r\n" if start.endswith(b"\r\n") else b"x"
    async with connection(url) as (reader, writer):
        writer.write(start)
        await asyncio.sleep(0.02)
        writer.write(line * (17 * 1024 // len(line)))
        assert REFUSAL in await closed(reader)


async def test_a_trailer_changes_no_header(url: str) -> None:
    answer = await answers(url, CHUNKED + b"1\r\nx\r\n0\r\nauthorization: y\r\nx-b: z\r\n\r\n" + LAST)
    assert b"</|x|host,transfer-encoding>" in answer
    assert b"</||host,connection>" in answer


@pytest.mark.parametrize("cut", [0, 1, 40, 90])
@pytest.mark.parametrize(
    "body", [b"content-length: 3\r\n\r\nabc", b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"]
)
async def test_an_upgrade_is_ignored_and_no_body_becomes_a_request(url: str, body: bytes, cut: int) -> None:
    request = POST + UPGRADE + body
    at = len(request) - cut
    answer = await answers(url, request[:at], request[at:] + LAST)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert b"</|abc|host,connection,http2-settings," in answer
    assert answer.endswith(b"</||host,connection>")


async def test_a_request_in_the_body_of_an_upgrade_is_a_body(url: str) -> None:
    answer = await answers(url, POST + UPGRADE + b"content-length: %d\r\n\r\n" % len(SLOW), SLOW, LAST)
    assert answer.count(b"HTTP/1.1 ") == 2
    assert b"</|GET /slow" in answer


async def test_requests_sent_at_once_are_answered_in_order(url: str) -> None:
    answer = await answers(url, SLOW + GET + LAST)
    assert [part[:6] for part in answer.split(b"<")[1:]] == [b"/slow|", b"/||hos", b"/||hos"]


async def test_too_many_requests_at_once_end_the_connection_after_the_accepted_ones(url: str) -> None:
    answer = await answers(url, SLOW + GET * 5000)
    assert answer.count(b"HTTP/1.1 200 OK") == 17
    assert REFUSAL not in answer


async def test_a_refusal_never_passes_for_the_response_to_an_earlier_request(url: str) -> None:
    answer = await answers(url, SLOW + b"nonsense\r\n\r\n", GET)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"</slow|" in answer


async def test_without_chunks_in_http_1_0_a_stream_ends_with_the_connection(url: str) -> None:
    answer = await answers(url, b"GET /stream HTTP/1.0\r\n\r\n")
    assert answer.endswith(b"\r\n\r\nonetwo")
    assert b"chunked" not in answer
    assert (await answers(url, b"GET / HTTP/1.0\r\n\r\n")).endswith(b"</||>")


async def test_the_time_limit_of_heads_cuts_off_no_response() -> None:
    limits = HttpLimits(head_seconds=0.05)
    async with (
        web_server.running(app, web_server.WebServer("app", Endpoint(), 1, limits=limits)) as server,
        connection(server.url) as (reader, writer),
    ):
        writer.write(SLOW)
        await asyncio.sleep(0.02)
        writer.write(GET[:10])
        assert b"</slow|" in await reader.readuntil(b">")
        writer.write(GET[10:])
        assert b"</||host>" in await reader.readuntil(b">")
        writer.write(GET[:10])
        assert await closed(reader) == b""
