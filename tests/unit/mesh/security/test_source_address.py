"""The address of a caller: its own connection, or what the web app reports, and nothing that others claim."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from readback.options.v1 import options_pb2

from mesh.security.authentication import Principal, set_principal
from mesh.security.source_address import SOURCE_ADDRESS, source_address

pytestmark = pytest.mark.unit


class Context:
    """An RPC from a peer, with metadata."""

    def __init__(self, peer: str, **metadata: str) -> None:
        self._peer, self._metadata = peer, metadata

    def peer(self) -> str:
        return self._peer

    def invocation_metadata(self) -> Any:
        return tuple(self._metadata.items())


def caller(kind: options_pb2.Access.ValueType) -> Principal:
    return Principal(kind, "page", None, None, None, None, None, datetime(2030, 1, 1, tzinfo=UTC), "token")


@pytest.fixture(autouse=True)
def _no_principal() -> Iterator[None]:
    set_principal(None)
    yield
    set_principal(None)


def address(peer: str, reported: str | None = None) -> str:
    metadata = {} if reported is None else {SOURCE_ADDRESS: reported}
    return source_address(Context(peer, **metadata))  # type: ignore[arg-type]  # the part that is used


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("ipv4:192.0.2.7:41000", "192.0.2.7"),
        ("ipv6:%5B2001:db8:1:2:3:4:5:6%5D:41000", "2001:db8:1:2::/64"),
        ("ipv6:[2001:db8:1:2::1]:41000", "2001:db8:1:2::/64"),
        ("ipv6:%5B::ffff:192.0.2.7%5D:41000", "192.0.2.7"),
        ("unix:/run/readback.sock", ""),
        ("", ""),
    ],
)
def test_the_connection_names_the_source(peer: str, expected: str) -> None:
    assert address(peer) == expected


@pytest.mark.parametrize(
    "kind",
    [
        None,
        options_pb2.ACCESS_AGENT_WORKER,
        options_pb2.ACCESS_CONVERSATION,
        options_pb2.ACCESS_AGENT,
        options_pb2.ACCESS_CUSTOMER,
    ],
)
def test_an_address_claimed_by_anyone_but_the_web_app_and_the_gateway_is_ignored(kind: Any) -> None:
    set_principal(caller(kind) if kind else None)
    assert address("ipv4:192.0.2.7:41000", "198.51.100.9") == "192.0.2.7"


@pytest.mark.parametrize(
    ("reported", "expected"),
    [("198.51.100.9", "198.51.100.9"), ("2001:db8::9", "2001:db8::/64"), ("not an address", ""), ("", "")],
)
@pytest.mark.parametrize("kind", [options_pb2.ACCESS_PAGE, options_pb2.ACCESS_GATEWAY])
def test_the_web_app_and_the_gateway_report_their_clients_address(
    reported: str, expected: str, kind: options_pb2.Access.ValueType
) -> None:
    set_principal(caller(kind))
    assert address("ipv4:127.0.0.1:41000", reported) == expected
