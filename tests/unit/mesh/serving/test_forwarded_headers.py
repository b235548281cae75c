"""Forwarding headers are used from trusted proxies, and reach no app from anyone."""

from __future__ import annotations

from typing import Any

import pytest

from mesh.ip_addresses import TrustedProxies
from mesh.serving.forwarded_headers import ForwardedHeaders

pytestmark = pytest.mark.unit

HEADERS = {
    "host": "internal:8506",
    "x-forwarded-for": "203.0.113.9",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "voice.example",
    "x-real-ip": "203.0.113.9",
    "forwarded": "for=203.0.113.9",
    "x-gradio-server": "https://evil.example",
}


async def seen(peer: str, trusted: str, **headers: str) -> dict[str, Any]:
    """Return the scope that the app sees."""
    scopes: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        scopes.append(scope)

    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "client": (peer, 1), "scheme": "http", "headers": sent}
    await ForwardedHeaders(app, TrustedProxies(trusted))(scope, None, None)  # type: ignore[arg-type]
    found: dict[str, Any] = scopes[0]
    return found


async def test_a_trusted_proxy_reports_the_browser_and_the_public_address() -> None:
    scope = await seen("127.0.0.1", "127.0.0.1", **HEADERS)
    assert (scope["client"][0], scope["scheme"]) == ("203.0.113.9", "https")
    assert scope["headers"] == [(b"host", b"voice.example")]


@pytest.mark.parametrize("trusted", ["", "10.0.0.0/8"])
async def test_anyone_else_reports_nothing(trusted: str) -> None:
    scope = await seen("127.0.0.1", trusted, **HEADERS)
    assert (scope["client"][0], scope["scheme"]) == ("127.0.0.1", "http")
    assert scope["headers"] == [(b"host", b"internal:8506")]


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),  # the browser sent the first one itself
        ("203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("2001:db8::7", "2001:db8::7"),
        ("unknown", "10.0.0.1"),
        ("203.0.113.9, unknown, 10.0.0.2", "10.0.0.2"),
        ("", "10.0.0.1"),
    ],
)
async def test_the_client_is_the_last_address_that_is_no_trusted_proxy(chain: str, client: str) -> None:
    scope = await seen("10.0.0.1", "10.0.0.0/8, 192.0.2.1", host="a", x_forwarded_for=chain)
    assert scope["client"][0] == client


@pytest.mark.parametrize("peer", ["::ffff:10.0.0.1", "10.0.0.1"])
async def test_a_proxy_is_recognised_on_an_ipv6_socket(peer: str) -> None:
    scope = await seen(peer, "10.0.0.1", host="a", x_forwarded_for="203.0.113.9")
    assert scope["client"][0] == "203.0.113.9"


async def test_a_strange_scheme_is_ignored() -> None:
    assert (await seen("10.0.0.1", "10.0.0.1", host="a", x_forwarded_proto="gopher"))["scheme"] == "http"
