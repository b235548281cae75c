"""Child processes end with the process that started them, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import Popen

import psutil
import pytest

from mesh.settings import CHECKOUT

pytestmark = pytest.mark.integration

ENDED_BY = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL]
PROGRAM = """
import sys, tempfile
from cli.supervisor.child_processes import child_process, ended_by_signals

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
CHILD = f'''
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", {STUBBORN!r}])
print("up", flush=True)
time.sleep(600)
'''

@ended_by_signals()
def main():
    with tempfile.TemporaryDirectory(dir=sys.argv[1]), child_process([sys.executable, "-c", CHILD]) as child:
        child.wait()

main()
"""


@contextmanager
def running(*command: str | Path, until: Callable[[str], bool]) -> Iterator[subprocess.Popen[str]]:
    """Run a program until the block ends, once it has printed a line that `until` accepts."""
    with subprocess.Popen(
        [sys.executable, *command], cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as program:
        try:
            assert program.stdout is not None
            assert any(map(until, program.stdout))
            yield program
        finally:
            program.kill()


def descendants_left_after(
    program: Popen[str] | Popen[bytes], number: signal.Signals
) -> list[psutil.Process]:
    """Send a signal, and return the descendants that live on."""
    descendants = psutil.Process(program.pid).children(recursive=True)
    assert len(descendants) >= 2  # a child and the reaper
    program.send_signal(number)
    return psutil.wait_procs(descendants, timeout=20)[1]


@pytest.mark.parametrize("number", ENDED_BY)
def test_children_and_their_children_end_with_a_program_that_a_signal_ends(
    tmp_path: Path, number: signal.Signals
) -> None:
    with running("-c", PROGRAM, tmp_path, until=lambda line: line == "up\n") as program:
        assert descendants_left_after(program, number) == []
        assert program.wait(20) == (-number if number is signal.SIGKILL else 128 + number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_program_that_a_signal_ends_removes_its_files(tmp_path: Path, number: signal.Signals) -> None:
    with running("-c", PROGRAM, tmp_path, until=lambda line: line == "up\n") as program:
        assert list(tmp_path.iterdir()) != []
        program.send_signal(number)
        program.wait(20)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_bench_that_is_ended_leaves_no_server(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "bench/conversation.py", "--short", "--only", "wire_vs_text"]
    nothing = subprocess.DEVNULL
    environment = os.environ | {"TMPDIR": str(tmp_path)}  # a killed bench leaves its files
    with subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=nothing, stderr=nothing) as bench:
        try:
            wait_for_a_child(bench, "services.identity.app")
            assert descendants_left_after(bench, number) == []
        finally:
            bench.kill()


def wait_for_a_child(program: subprocess.Popen[bytes], word: str) -> None:
    """Wait until a child's command line contains a word."""
    deadline = time.monotonic() + 50
    while time.monotonic() < deadline and program.poll() is None:
        for child in psutil.Process(program.pid).children():
            with suppress(psutil.NoSuchProcess):
                if word in " ".join(child.cmdline()):
                    return
        time.sleep(0.05)
    raise AssertionError(f"no child has {word!r} in its command line")
