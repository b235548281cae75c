"""Child processes that end when this process ends, even if it is killed.

Each runs in its own process group. A reaper process (`cli.supervisor.reaper`) knows the groups, and ends them
when its pipe to this process closes, which the system does however this process ends.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from cli.supervisor import reaper

Process = subprocess.Popen[Any]
GRACE_SECONDS = 10.0
_first_use = threading.Lock()


class Reaper:
    """The reaper process of this process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603  # ours
            [sys.executable, "-I", "-S", reaper.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def watch(self, group: int) -> None:
        """Add a process group to the groups that the reaper ends."""
        self._send(f"+{group}\n")

    def forget(self, group: int) -> None:
        """Remove a group that has ended, because the system may use its number for another group."""
        self._send(f"-{group}\n")

    def stop(self) -> None:
        """Stop the reaper. It ends the groups that are still in its list."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            os.write(self._process.stdin.fileno(), line.encode())


def watch(group: int) -> None:
    """End a process group when this process ends, until `forget` is called."""
    with _first_use:
        reaper_process = _reaper()
    reaper_process.watch(group)


def forget(group: int) -> None:
    """Leave a process group alone from now on."""
    with _first_use:
        reaper_process = _reaper()
    reaper_process.forget(group)


@functools.cache
def _reaper() -> Reaper:
    made = Reaper()
    atexit.register(made.stop)
    return made


def start(command: Sequence[str | Path], **options: Any) -> Process:
    """Start a command with options of `subprocess.Popen`. The caller ends it with `end` or `kill`."""
    process = subprocess.Popen(command, start_new_session=True, **options)  # noqa: S603  # the caller's
    watch(process.pid)
    return process


def end(process: Process, grace_seconds: float = GRACE_SECONDS) -> None:
    """Terminate a process, wait until it ends, and kill what is left of its group."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(grace_seconds)
    kill(process)


def kill(process: Process) -> None:
    """Kill the group of a process and wait until the process has ended."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    forget(process.pid)


@contextlib.contextmanager
def child_process(
    command: Sequence[str | Path], *, grace_seconds: float = GRACE_SECONDS, **options: Any
) -> Iterator[Process]:
    """Run a command, with options of `subprocess.Popen`, until the block ends."""
    with start(command, **options) as process:
        try:
            yield process
        finally:
            end(process, grace_seconds)


def run(
    command: Sequence[str | Path], *, timeout: float | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, and return its output.

    Raises:
        subprocess.TimeoutExpired: it did not end within `timeout` seconds.
    """
    with child_process(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    ) as process:
        stdout, stderr = process.communicate(timeout=timeout)
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, so that it removes its files.

    Raises:
        SystemExit: a signal ended the block; the code is 128 and the signal's number.
    """
    received = int(signal.SIGINT)

    def interrupt(number: int, _: FrameType | None) -> None:
        nonlocal received
        received = number
        signal.raise_signal(signal.SIGINT)

    # A shell starts background processes with SIGINT ignored.
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: interrupt}
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # `nohup` ignores it
        handlers[signal.SIGHUP] = interrupt
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(128 + received)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
