"""`readback up`: every part starts, is restarted after a crash, and is gone at the end."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from tests.product import READBACK, Product, environment_for, started

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PARTS = (
    "livekit",
    "identity",
    "flightdata",
    "conversation",
    "booking",
    "agent",
    "page",
    "gateway",
)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product that these tests may damage."""
    with started(environment_for(tmp_path_factory.mktemp("damaged"))) as running:
        running.wait_for("Ctrl-C ends everything")
        yield running


def test_up_prints_each_ready_part_then_the_address_and_three_examples(own: Product) -> None:
    for part in PARTS:
        assert sum(line.split()[:2] == ["✓", part] for line in own.lines) == 1
    assert own.web_app_url in own.wait_for("Open ")
    assert sum("“" in line for line in own.lines) == 3


def test_the_home_is_for_its_owner_alone(own: Product) -> None:
    files = [path for path in own.home.rglob("*") if path.is_file() and path.parent.name != "bin"]
    assert [
        path.name
        for path in files
        if path.suffix in (".sqlite3", ".log", ".yaml", ".pem") and path.stat().st_mode & 0o077
    ] == []


def test_doctor_finds_everything_reachable(own: Product) -> None:
    result = own.readback("doctor", "--json")
    assert result.returncode == 0, result.stdout
    findings = {finding["subject"]: finding for finding in map(json.loads, result.stdout.splitlines())}
    assert {findings[part]["state"] for part in PARTS} == {"ok"}
    assert "/metrics" in findings["conversation"]["detail"]


def test_a_second_up_on_the_same_home_is_one_sentence_and_exit_2(own: Product) -> None:
    result = own.readback("up")
    assert result.returncode == 2
    assert "already running" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_reset_refuses_while_the_product_runs(own: Product) -> None:
    result = own.readback("reset", "--yes")
    assert result.returncode == 2
    assert "end it first" in result.stderr


@pytest.mark.parametrize("part", ["conversation", "livekit"])
def test_a_killed_part_is_restarted_and_reported(own: Product, part: str) -> None:
    seen = len(own.lines)
    own.process_of(part).kill()
    assert "was killed (signal 9); restarting in 0.5 s" in own.wait_for(f"✗ {part}", after=seen)
    assert "is back after" in own.wait_for(f"✓ {part}", after=seen)


def test_ctrl_c_ends_everything_also_with_a_call_and_a_page_open(
    own: Product, record_property: Callable[[str, object], None]
) -> None:
    calling = subprocess.Popen(
        [*READBACK, "call"],
        env=own.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert calling.stdout is not None
    try:
        assert any(
            "agent" in line for line in iter(calling.stdout.readline, "")
        )  # it has greeted, so it is in the call
        with _page_open(own):
            processes = own.processes()
            began = time.monotonic()
            own.process.send_signal(signal.SIGINT)
            own.process.wait(30)
            record_property(
                "seconds", round(time.monotonic() - began, 2)
            )  # the limits are in cli.supervisor.shutdown; here it is a measurement
        assert own.process.returncode == 0
        assert _alive(processes) == []
    finally:
        calling.kill()
        calling.communicate()


def _page_open(own: Product) -> closing[socket.socket]:
    """A browser's connection, kept alive."""
    connection = socket.create_connection(("127.0.0.1", int(own.environment["READBACK_UI_PORT"])))
    connection.sendall(b"GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert connection.recv(12).startswith(b"HTTP/1.1")
    return closing(connection)


def _alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [
        process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    ]


def test_guest_accounts_are_deleted_after_their_command(product: Product) -> None:
    guests = "SELECT count(*) FROM customers WHERE email LIKE 'guest-%'"
    assert product.readback("flights", "search", "MAA", "DEL").returncode == 0
    with closing(sqlite3.connect(f"file:{product.home / 'identity.sqlite3'}?mode=ro", uri=True)) as database:
        assert database.execute(guests).fetchone() == (0,)


def _refused(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*READBACK, "up"], env=environment, capture_output=True, text=True, timeout=60, check=False, input=""
    )


def test_a_port_in_use_is_one_sentence_and_exit_2_and_nothing_is_started(tmp_path: Path) -> None:
    environment = environment_for(tmp_path / "home")
    with socket.create_server(("127.0.0.1", int(environment["READBACK_CONVERSATION_PORT"]))):
        result = _refused(environment)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert (
        f"Port {environment['READBACK_CONVERSATION_PORT']}, which conversation needs, is in use"
        in result.stderr
    )
    assert "READBACK_CONVERSATION_PORT" in result.stderr
    assert not (tmp_path / "home" / "logs").exists()


def test_wrong_settings_are_all_named_with_exit_2_and_nothing_is_started(tmp_path: Path) -> None:
    environment = environment_for(
        tmp_path / "home", READBACK_UI_PORT="many", READBACK_IDENTITY_BCRYPT_COST="3"
    )
    result = _refused(environment)
    assert result.returncode == 2
    assert "READBACK_UI_PORT" in result.stderr
    assert "READBACK_IDENTITY_BCRYPT_COST" in result.stderr
    assert not (tmp_path / "home").exists()
