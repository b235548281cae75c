"""The real LiveKit server listens only on the addresses that it needs."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from cli.livekit.config import media_addresses
from tests.livekit_server import livekit_server

pytestmark = pytest.mark.integration


def listening(url: str) -> dict[str, set[str]]:
    """Return the addresses on which the server at `url` listens, by protocol."""
    port = urlsplit(url).port
    (server,) = {
        one.pid for one in psutil.net_connections("tcp4") if one.laddr and one.laddr[1] == port and one.pid
    }
    found: dict[str, set[str]] = {"tcp": set(), "udp": set()}
    for one in psutil.Process(server).net_connections("inet"):
        if one.type == socket.SOCK_DGRAM or one.status == psutil.CONN_LISTEN:
            found["udp" if one.type == socket.SOCK_DGRAM else "tcp"].add(one.laddr[0])
    return found


def test_on_loopback_only_media_is_open_to_the_network(tmp_path: Path) -> None:
    with livekit_server(tmp_path) as (url, _):
        assert listening(url) == {"tcp": {"127.0.0.1"}, "udp": set(media_addresses("127.0.0.1"))}


def test_on_one_address_nothing_listens_on_another(tmp_path: Path) -> None:
    with livekit_server(tmp_path, bind="127.0.0.2") as (url, _):
        assert listening(url)["tcp"] == {"127.0.0.2"}
