"""Builds a program from its Go module, telling how far it is."""

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
from cli.golang import compiler
from cli.golang.program import GoProgram, cache_folder

LIMIT_SECONDS = 30 * 60
"""A build that takes longer is stuck, most likely on a network that answers nothing."""


@dataclass(slots=True)
class Progress:
    """What Go has told so far."""

    began: float
    """Monotonic seconds."""
    downloaded: int = 0
    """Modules."""
    compiled: int = 0
    """Packages."""

    def read(self, line: str) -> None:
        """Takes one line of `go install -v`."""
        if line.startswith("go: downloading "):
            self.downloaded += 1
        elif line and not line.startswith("go: "):
            self.compiled += 1

    def text(self, now: float) -> str:
        """Elapsed time and what was done in it."""
        minutes, seconds = divmod(int(now - self.began), 60)
        return f"{minutes}:{seconds:02d}  {self.downloaded} modules downloaded, {self.compiled} packages compiled"


def build(program: GoProgram, console: Console) -> Path:
    """Builds a program into the user's cache and returns it.

    Raises:
        ToolMissing: there is no Go.
        CommandError: Go failed; with its last words.
    """
    go, target = compiler.find(program), program.cached
    target.parent.mkdir(parents=True, exist_ok=True)
    console.print(f"Building the {program.title} {program.version}: once, {program.takes} on two cores.")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="build-") as scratch:
        _install(program, go, Path(scratch), console)
        (Path(scratch) / program.package.rpartition("/")[2]).replace(target)
    # The binary is all that is needed again; the modules and objects behind it are a gigabyte and a half.
    shutil.rmtree(cache_folder() / "go", ignore_errors=True)
    return target


def environment(scratch: Path) -> Mapping[str, str]:
    """Go's settings: nothing of it lands outside the cache, nothing is linked to this machine's C library."""
    return os.environ | {
        "CGO_ENABLED": "0",
        "GOBIN": str(scratch),
        "GOTOOLCHAIN": "local",
        "GOMODCACHE": str(cache_folder() / "go" / "modules"),
        "GOCACHE": str(cache_folder() / "go" / "objects"),
        "GOFLAGS": "-modcacherw",
    }


def _install(program: GoProgram, go: Path, scratch: Path, console: Console) -> None:
    command = [
        str(go),
        "install",
        "-v",
        "-trimpath",
        "-ldflags=-s -w",
        f"{program.package}@{program.version}",
    ]
    with _ending_with_us(command, environment(scratch)) as process:
        said = list(_followed(process, console))
        code = process.wait()
    if code:
        words = " ".join(said[-3:]) or f"it took longer than {LIMIT_SECONDS // 60} minutes"
        raise CommandError(
            f"The {program.title} could not be built: {words}\nCheck the network, or {program.instead}."
        )


def _started(command: Sequence[str], variables: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603  # a compiler we found, a constant module
        command,
        env=variables,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # a group of its own: Go's compilers end with it
    )


@contextmanager
def _ending_with_us(command: Sequence[str], variables: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Runs a command; kills it and what it started when it takes too long, when the block is left, and when we are told to end."""
    # Being told raises nothing before the block is left: between the start of a process and the name for it, nobody could kill it.
    with _told_to_end() as told, _started(command, variables) as process:
        told.then(partial(_kill_group, process))
        deadline = Timer(LIMIT_SECONDS, partial(_kill_group, process))
        deadline.daemon = True
        deadline.start()
        try:
            yield process
        finally:
            deadline.cancel()
            _kill_group(process)
    told.obey()


class _ToldToEnd:
    """Notes Ctrl-C and SIGTERM, does what is to be done about them at once, and ends the program when asked to."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._act: Callable[[], None] = lambda: None

    def note(self, number: int, _: object) -> None:
        self._number = number
        self._act()

    def then(self, act: Callable[[], None]) -> None:
        self._act = act
        if self._number is not None:
            act()

    def obey(self) -> None:
        if self._number == signal.SIGINT:
            raise KeyboardInterrupt
        if self._number is not None:
            sys.exit(128 + self._number)


@contextmanager
def _told_to_end() -> Iterator[_ToldToEnd]:
    told = _ToldToEnd()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, told.note)
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _kill_group(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _followed(process: subprocess.Popen[str], console: Console) -> Iterator[str]:
    """Yields Go's lines while the progress is shown."""
    assert process.stderr is not None
    progress = Progress(time.monotonic())
    with _shown(console) as show:
        for line in process.stderr:
            progress.read(line.strip())
            show(progress)
            yield line.strip()


@contextmanager
def _shown(console: Console) -> Iterator[Callable[[Progress], None]]:
    """A spinner on a terminal; elsewhere a line every fifteen seconds."""
    if console.is_terminal:
        with console.status("starting the Go compiler") as status:
            yield lambda progress: status.update(progress.text(time.monotonic()))
        return
    printed = time.monotonic()

    def show(progress: Progress) -> None:
        nonlocal printed
        now = time.monotonic()
        if now - printed >= 15:
            printed = now
            console.print(f"  {progress.text(now)}")
            sys.stdout.flush()

    yield show
