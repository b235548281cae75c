"""An interrupted build leaves no processes and no partial server."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.product import environment_for

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_interrupt_kills_the_compiler_and_its_children(tmp_path: Path, number: signal.Signals) -> None:
    compiler = tmp_path / "path" / "go"
    compiler.parent.mkdir()
    compiler.write_text(
        f'#!/bin/sh\n[ "$1" = version ] && echo go1.26 && exit\n'
        f"sleep 600 & echo $! > {tmp_path}/child\necho running >&2\nwait\n"
    )
    compiler.chmod(0o755)
    environment = environment_for(tmp_path / "home") | {
        "PATH": f"{compiler.parent}:/usr/bin:/bin",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    with _broken_off_if_left(environment) as building:
        child = _child(tmp_path / "child", building)
        building.send_signal(number)
        building.communicate(timeout=30)
    _, alive = psutil.wait_procs([child], timeout=10)
    assert alive == []
    assert [path.name for path in (tmp_path / "cache" / "readback").iterdir()] == []


@contextmanager
def _broken_off_if_left(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A build that handles SIGINT, even if these tests run in the background of a shell that ignores it."""
    module = "runpy.run_module('cli.livekit', run_name='__main__')"
    command = [
        sys.executable,
        "-c",
        f"import signal, runpy; signal.signal(signal.SIGINT, signal.default_int_handler); {module}",
    ]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as building:
        try:
            yield building
        finally:
            building.kill()


def _child(path: Path, building: subprocess.Popen[bytes]) -> psutil.Process:
    """The compiler's child, once it has been started."""
    while building.poll() is None:
        if path.exists() and path.read_text().strip():
            return psutil.Process(int(path.read_text()))
        time.sleep(0.02)
    raise AssertionError(building.communicate()[0].decode())
