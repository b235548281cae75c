"""Build of a Go program, with progress and a time limit. An interrupted build leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Timer

from rich.console import Console

from cli.errors import CommandError
from cli.golang.program import GoProgram, cache_folder, find_go
from cli.supervisor import child_processes

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LIMIT_SECONDS = 30 * 60
"""Time after which a build is killed. It is probably waiting for the network."""
PROGRESS_SECONDS = 15
"""Pause between progress lines if the output is not a terminal."""


@dataclass(slots=True)
class Progress:
    """Progress of a build, counted from Go's output."""

    began: float
    """Start time in monotonic seconds."""
    downloaded: int = 0
    """Number of downloaded modules."""
    compiled: int = 0
    """Number of compiled packages."""

    def read(self, line: str) -> None:
        """Count one line of `go install -v`."""
        if line.startswith("go: downloading "):
            self.downloaded += 1
        elif line and not line.startswith("go: "):
            self.compiled += 1

    def text(self, now: float) -> str:
        """Return the elapsed time and the counts in words."""
        minutes, seconds = divmod(int(now - self.began), 60)
        counts = f"{self.downloaded} modules downloaded, {self.compiled} packages compiled"
        return f"{minutes}:{seconds:02d}  {counts}"


def build(program: GoProgram, console: Console) -> Path:
    """Build a program into the user's cache and return its path.

    Raises:
        ToolMissing: Go is missing or too old.
        CommandError: the build failed. The text contains the last lines of Go's output.
    """
    go, target = find_go(program), program.cached
    target.parent.mkdir(parents=True, exist_ok=True)
    console.print(f"Building the {program.title} {program.version}: once, {program.takes} on two cores.")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="build-") as scratch:
        _install(program, go, Path(scratch), console)
        (Path(scratch) / program.package.rpartition("/")[2]).replace(target)
    # Only the binary is needed from now on. The downloaded modules and compiled objects take 1.5 GB.
    shutil.rmtree(cache_folder() / "go", ignore_errors=True)
    return target


def _install(program: GoProgram, go: Path, scratch: Path, console: Console) -> None:
    module = f"{program.package}@{program.version}"
    command = [str(go), "install", "-v", "-trimpath", "-ldflags=-s -w", module]
    with _killed_at_end(command, _environment(scratch)) as process:
        lines = list(_show_progress(process, console))
        code = process.wait()
    if code:
        reason = " ".join(lines[-3:]) or f"it took longer than {LIMIT_SECONDS // 60} minutes"
        raise CommandError(
            f"The {program.title} could not be built: {reason}\nCheck the network, or {program.instead}."
        )


def _environment(scratch: Path) -> Mapping[str, str]:
    """Return environment variables that put Go's files into our cache and build without a C library."""
    return os.environ | {
        "CGO_ENABLED": "0",
        "GOBIN": str(scratch),
        "GOTOOLCHAIN": "local",
        "GOMODCACHE": str(cache_folder() / "go" / "modules"),
        "GOCACHE": str(cache_folder() / "go" / "objects"),
        "GOFLAGS": "-modcacherw",
    }


def _started(command: Sequence[str], variables: Mapping[str, str]) -> subprocess.Popen[str]:
    nothing = subprocess.DEVNULL
    return child_processes.start(
        command, env=variables, stderr=subprocess.PIPE, stdout=nothing, stdin=nothing, text=True
    )


@contextmanager
def _killed_at_end(command: Sequence[str], variables: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run a command. Kill its process group when the block ends, after `LIMIT_SECONDS`, or on a signal."""
    # A signal raises its exception only after the block. An exception right after the start of the process,
    # before the process is assigned to a name, would leave a process that can't be killed.
    with _deferred_signals() as signals, _started(command, variables) as process:
        signals.on_signal(partial(_kill_group, process))
        deadline = Timer(LIMIT_SECONDS, partial(_kill_group, process))
        deadline.daemon = True
        deadline.start()
        try:
            yield process
        finally:
            deadline.cancel()
            child_processes.kill(process)
    signals.raise_received()


class _DeferredSignals:
    """Deferral of signals. An action runs at once; `raise_received` ends the program later."""

    def __init__(self) -> None:
        self._received: int | None = None
        self._action: Callable[[], None] = lambda: None

    def handle(self, number: int, _: object) -> None:
        self._received = number
        self._action()

    def on_signal(self, action: Callable[[], None]) -> None:
        self._action = action
        if self._received is not None:
            action()

    def raise_received(self) -> None:
        if self._received == signal.SIGINT:
            raise KeyboardInterrupt
        if self._received is not None:
            sys.exit(128 + self._received)


@contextmanager
def _deferred_signals() -> Iterator[_DeferredSignals]:
    deferred = _DeferredSignals()
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, deferred.handle)
    try:
        yield deferred
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _kill_group(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _show_progress(process: subprocess.Popen[str], console: Console) -> Iterator[str]:
    """Show the progress, and yield the lines of Go's output."""
    assert process.stderr is not None
    progress = Progress(time.monotonic())
    with _progress_display(console) as show:
        for line in process.stderr:
            progress.read(line.strip())
            show(progress)
            yield line.strip()


@contextmanager
def _progress_display(console: Console) -> Iterator[Callable[[Progress], None]]:
    """Yield a function that shows progress: a spinner on a terminal, otherwise a line from time to time."""
    if console.is_terminal:
        with console.status("starting the Go compiler") as status:
            yield lambda progress: status.update(progress.text(time.monotonic()))
        return
    printed = time.monotonic()

    def show(progress: Progress) -> None:
        nonlocal printed
        now = time.monotonic()
        if now - printed >= PROGRESS_SECONDS:
            printed = now
            console.print(f"  {progress.text(now)}")
            sys.stdout.flush()

    yield show
