"""The web app as a process: it starts, reports health and metrics, and stops on a signal."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from cli.supervisor.child_processes import child_process
from gradio_ui.app import create_app, running
from gradio_ui.settings import UiSettings
from mesh.settings import ConfigurationError, load
from tests.product import free_ports

pytestmark = [pytest.mark.integration, pytest.mark.timeout(200)]

MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[bytes], int, int]]:
    """The process, its port and its health port; the services behind it are down. The last test ends it."""
    tmp_path = tmp_path_factory.mktemp("home")
    port, http_port = free_ports(2)
    settings = {
        "READBACK_HOME": str(tmp_path),
        "READBACK_UI_PORT": str(port),
        "READBACK_UI_HTTP_PORT": str(http_port),
    }
    command = [sys.executable, "-c", "from gradio_ui.app import main; main()"]
    with (
        (tmp_path / "log").open("wb") as log,
        child_process(command, grace_seconds=0, env=os.environ | settings, stderr=log) as process,
    ):
        _wait_for(f"http://127.0.0.1:{http_port}/health", process, tmp_path / "log")
        yield process, port, http_port


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 150
    while True:
        try:
            assert httpx.get(url).status_code == 200
        except httpx.TransportError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, f"{url} never answered"
            time.sleep(0.1)
        else:
            return


def test_an_idle_page_wakes_rarely(page: tuple[subprocess.Popen[bytes], int, int]) -> None:
    process = psutil.Process(page[0].pid)
    before = process.num_ctx_switches().voluntary
    time.sleep(2)  # the length of the measurement
    assert process.num_ctx_switches().voluntary - before < 200


def test_the_app_is_served_measured_and_stops_within_five_seconds_with_an_open_connection(
    page: tuple[subprocess.Popen[bytes], int, int],
) -> None:
    process, port, http_port = page
    assert "Sign in" in httpx.get(f"http://127.0.0.1:{port}/login").text
    assert "process_resident_memory_bytes" in httpx.get(f"http://127.0.0.1:{http_port}/metrics").text
    assert psutil.Process(process.pid).memory_info().rss < 400 * MEGABYTE
    with socket.create_connection(("127.0.0.1", port)) as idle:
        idle.sendall(b"GET /login HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(100).startswith(b"HTTP/1.1 200")
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0


async def test_a_port_in_use_has_a_clear_message(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = load(UiSettings, home=tmp_path, ui_port=taken.getsockname()[1])
        with pytest.raises(ConfigurationError, match="is in use; stop what uses it or set READBACK_UI_PORT"):
            async with running(create_app(settings), settings):
                pass
