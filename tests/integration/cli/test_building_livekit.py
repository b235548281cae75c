"""A build that is broken off leaves neither processes nor half a server."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.product import environment_for

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_breaking_off_takes_the_compiler_and_its_children_along(tmp_path: Path, number: signal.Signals) -> None:
    compiler = tmp_path / "path" / "go"
    compiler.parent.mkdir()
    compiler.write_text(
        f'#!/bin/sh\n[ "$1" = version ] && echo go1.26 && exit\nsleep 600 & echo $! > {tmp_path}/child\necho running >&2\nwait\n'
    )
    compiler.chmod(0o755)
    environment = environment_for(tmp_path / "home") | {
        "PATH": f"{compiler.parent}:/usr/bin:/bin",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    building = subprocess.Popen([sys.executable, "-m", "cli.livekit"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    child = _child(tmp_path / "child", building)
    building.send_signal(number)
    building.communicate(timeout=30)
    _, alive = psutil.wait_procs([child], timeout=10)
    assert alive == []
    assert [path.name for path in (tmp_path / "cache" / "readback").iterdir()] == []


def _child(path: Path, building: subprocess.Popen[bytes]) -> psutil.Process:
    """The compiler's child, once it has been started."""
    while building.poll() is None:
        if path.exists() and path.read_text().strip():
            return psutil.Process(int(path.read_text()))
        time.sleep(0.02)
    raise AssertionError(building.communicate()[0].decode())
