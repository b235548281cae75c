"""A port in use is reported in one sentence before anything starts."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator

import pytest

from cli.errors import UsageError
from cli.supervisor import ports
from cli.supervisor.parts import Part, Port, Stage
from tests.product import free_ports

pytestmark = pytest.mark.unit


def part(*wanted: Port, name: str = "identity") -> Part:
    return Part(name=name, command=(), health_url="", where="", ports=wanted, stage=Stage.SERVICES)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_the_sentence_names_part_port_program_and_setting(taken: int) -> None:
    with pytest.raises(UsageError) as refused:
        ports.check([part(Port(taken, "READBACK_IDENTITY_PORT"))], "127.0.0.1")
    sentence = str(refused.value)
    assert f"Port {taken}, which identity needs, is in use" in sentence
    assert f"(process {os.getpid()})" in sentence
    assert sentence.endswith("choose another port with READBACK_IDENTITY_PORT.")
    assert refused.value.exit_code == 2


def test_every_port_that_is_in_use_is_named(taken: int) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as media:
        media.bind(("127.0.0.1", 0))
        wanted = (
            Port(taken, "READBACK_UI_PORT"),
            Port(media.getsockname()[1], "READBACK_LIVEKIT_UDP_PORT", "udp"),
        )
        with pytest.raises(UsageError) as refused:
            ports.check([part(*wanted)], "127.0.0.1")
    assert len(str(refused.value).splitlines()) == 2


def test_one_port_for_two_parts_is_refused() -> None:
    (port,) = free_ports(1)
    rivals = part(Port(port, "READBACK_IDENTITY_PORT")), part(Port(port, "READBACK_UI_PORT"), name="page")
    with pytest.raises(UsageError, match="READBACK_IDENTITY_PORT and READBACK_UI_PORT are both"):
        ports.check(rivals, "127.0.0.1")


def test_tcp_and_udp_may_share_a_number() -> None:
    (port,) = free_ports(1)
    ports.check(
        [part(Port(port, "READBACK_LIVEKIT_TCP_PORT"), Port(port, "READBACK_LIVEKIT_UDP_PORT", "udp"))],
        "127.0.0.1",
    )


def test_a_port_whose_server_has_just_ended_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), server.accept()[0]:
            pass
    ports.check([part(Port(port, "READBACK_UI_PORT"))], "127.0.0.1")


def test_a_foreign_address_is_reported_once_without_any_port() -> None:
    udp = Port(3, "READBACK_LIVEKIT_UDP_PORT", "udp")
    with pytest.raises(UsageError) as refused:
        ports.check(
            [part(Port(15_001, "READBACK_IDENTITY_PORT"), Port(15_002, "READBACK_UI_PORT"), udp)], "192.0.2.1"
        )
    reason = os.strerror(errno.EADDRNOTAVAIL)
    hint = "set READBACK_BIND to an address of this machine"
    assert str(refused.value) == f"Nothing can listen on 192.0.2.1: {reason}; {hint}."


@pytest.mark.parametrize("bind", ["::1", "::"])
def test_ports_are_tried_where_ipv6_servers_will_listen(bind: str) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]
        with pytest.raises(UsageError, match=f"Port {port}, which identity needs, is in use"):
            ports.check([part(Port(port, "READBACK_IDENTITY_PORT"))], bind)
