"""Addresses of callers and of servers on other machines."""

from __future__ import annotations

import pytest

from mesh.ip_addresses import reached_through, source_of

pytestmark = pytest.mark.unit

LOCAL = "ws://127.0.0.1:7880"


@pytest.mark.parametrize(
    ("url", "host", "reached"),
    [
        (LOCAL, "192.0.2.7", "ws://192.0.2.7:7880"),
        (LOCAL, "voice.lan", "ws://voice.lan:7880"),
        (LOCAL, "2001:db8::7", "ws://[2001:db8::7]:7880"),
        ("ws://localhost:7880/x", "voice.lan", "ws://voice.lan:7880/x"),
        (LOCAL, "localhost", LOCAL),
        (LOCAL, "127.0.0.1", LOCAL),
        (LOCAL, None, LOCAL),
        ("wss://sfu.example", "voice.lan", "wss://sfu.example"),
    ],
)
def test_a_loopback_server_is_reached_at_the_host_of_its_machine(
    url: str, host: str | None, reached: str
) -> None:
    assert reached_through(url, host) == reached


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("localhost", ""),
    ],
)
def test_a_source_is_an_ipv4_address_or_an_ipv6_subscriber(text: str, source: str) -> None:
    assert source_of(text) == source
