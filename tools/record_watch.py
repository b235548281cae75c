"""Record `readback watch` during a voice call while the conversation service is killed and restarted.

    python -m tools.record_watch        # writes docs/watch.svg and docs/watch.cast; takes about two minutes

Nothing is simulated: `readback up` runs in a temporary home, `readback call --say` makes a call, the service
is killed during an answer of the agent, and the supervisor restarts it. The files are written only if the
watch showed every entry of the log once and in order.
"""

from __future__ import annotations

import codecs
import fcntl
import io
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from cli.supervisor import child_processes
from mesh.settings import CHECKOUT
from tests.product import READBACK, Product, environment_for, started
from tools.terminal_screen import Screen

WIDTH, HEIGHT = 128, 40
MEANWHILE = "# in another terminal: kill -9 the conversation service; `readback up` starts it again"
LINES = ("Show flights from Mumbai to Delhi tomorrow.", "What about the evening?")
PASSWORD = "a long walk in the park"  # noqa: S105 -- of an account that is deleted with the recording's home
MAX_TAKES = 4
_ENTRY = re.compile(r"^ +(\d+)  \d\d:\d\d:\d\d  ")
_FONTS = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)


class FailedTake(Exception):
    """The recording is unusable: speech was misheard, or the machine was too slow."""


class Recording:
    """A program on a terminal of its own, and its output with times."""

    def __init__(self, process: subprocess.Popen[bytes], leader: int) -> None:
        self.process = process
        self.events: list[tuple[float, str]] = []
        self._leader, self._began = leader, time.monotonic()
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def lines(self) -> list[str]:
        """The screen's lines with colours."""
        screen = Screen()
        screen.write("".join(text for _, text in list(self.events)))
        return screen.lines

    @property
    def plain(self) -> list[str]:
        """The screen's lines without colours."""
        return [Text.from_ansi(line).plain for line in self.lines]

    def wait_for(self, reached: Callable[[list[str]], bool], what: str, seconds: float = 120) -> None:
        """Wait until `reached` returns True for the lines on the screen.

        Raises:
            FailedTake: this doesn't happen within `seconds`, or the call ends first.
        """
        with self._changed:
            self._changed.wait_for(lambda: reached(self.plain) or _call_ended(self.plain), seconds)
            if not reached(self.plain):
                raise FailedTake(f"{what} did not appear:\n" + "\n".join(self.plain))

    def wait(self) -> int:
        """Wait until the program ends and return its exit code."""
        code = self.process.wait(20)
        self._reader.join(20)
        return code

    def _read(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while piece := os.read(self._leader, 65_536):
                with self._changed:
                    self.events.append((time.monotonic() - self._began, decoder.decode(piece)))
                    self._changed.notify_all()
        except OSError:
            pass  # on Linux: the program has closed its terminal
        os.close(self._leader)


@contextmanager
def on_a_terminal(product: Product, *arguments: str) -> Iterator[Recording]:
    """Run a `readback` command on a terminal."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    environment = {**product.environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    process = child_processes.start(
        [*READBACK, *arguments], env=environment, stdin=follower, stdout=follower, stderr=follower
    )
    os.close(follower)
    recording = Recording(process, leader)
    try:
        yield recording
    finally:
        child_processes.kill(process)
        recording.wait()


def record(product: Product, take: int) -> tuple[Recording, list[int]]:
    """Record the session of a new customer; return it and the numbers of the stored entries.

    Raises:
        FailedTake: the recording is unusable.
    """
    login = product.readback(
        "login", f"asha{take}@example.com", "--password-stdin", "--register", input=PASSWORD + "\n"
    )
    if login.returncode:
        raise SystemExit(login.stderr)
    options = [word for line in LINES for word in ("--say", line)]
    with on_a_terminal(product, "watch") as watch:
        call = child_processes.start(
            [*READBACK, "call", *options],
            env=product.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        watch.wait_for(_answering, "the agent's answer")
        product.process_of("conversation").kill()
        watch.wait_for(lambda lines: "connected again" in "".join(lines), "the service")
        if call.wait(180):
            raise FailedTake("the call failed")
        watch.wait_for(_call_ended, "the end of the call")
        watch.process.send_signal(signal.SIGINT)
        watch.wait()
    stored = product.readback("watch", "--no-follow", "--json").stdout.splitlines()
    return watch, [int(event["entry"]["number"]) for event in map(json.loads, stored) if "entry" in event]


def _answering(lines: list[str]) -> bool:
    """Return whether the agent is in the middle of its answer."""
    found = next((at for at, line in enumerate(lines) if "search_flights: FOUND" in line), None)
    return found is not None and any(
        "…" in line and "agent" in line and len(line.split()) > 6 for line in lines[found + 1 :]
    )


def _call_ended(lines: list[str]) -> bool:
    return any("call ended" in line for line in lines)


def entry_numbers(lines: list[str]) -> list[int]:
    """Return the numbers of the entries on the screen, from top to bottom."""
    return [int(entry[1]) for line in lines if (entry := _ENTRY.match(line))]


def write_picture(lines: list[str], path: Path) -> None:
    """Write the final screen as SVG."""
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(Text.from_markup("[bold green]$[/] readback watch"))
    for line in lines:
        if "connection lost" in line:
            console.print(Text.from_markup(f"[dim italic]{MEANWHILE}[/]"))
        if line.strip():
            console.print(Text.from_ansi(line), soft_wrap=False)
    picture = console.export_svg(
        title="readback watch", code_format=_FONTS.sub("", CONSOLE_SVG_FORMAT), unique_id="watch"
    )
    path.write_text("\n".join(line.rstrip() for line in picture.splitlines()) + "\n")


def write_cast(recording: Recording, path: Path) -> None:
    """Write the session for asciinema's player (asciicast, version 2)."""
    head = {"version": 2, "width": WIDTH, "height": HEIGHT, "command": "readback watch"}
    events = [[round(at, 3), "o", text] for at, text in recording.events]
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in [head, *events]))


def _good_take(product: Product) -> tuple[Recording, list[int]]:
    for take in range(1, MAX_TAKES):
        try:
            return record(product, take)
        except FailedTake as failure:
            print(f"take {take}: {failure}", file=sys.stderr)
    return record(product, MAX_TAKES)


def main() -> None:
    """Record, check, and write the files."""
    with TemporaryDirectory() as home, started(environment_for(Path(home))) as product:
        product.wait_for("Ctrl-C ends everything")
        recording, stored = _good_take(product)
    if entry_numbers(recording.plain) != stored or stored != list(range(1, len(stored) + 1)):
        raise SystemExit(
            f"shown {entry_numbers(recording.plain)}, stored {stored}:\n" + "\n".join(recording.plain)
        )
    write_picture(recording.lines, CHECKOUT / "docs" / "watch.svg")
    write_cast(recording, CHECKOUT / "docs" / "watch.cast")
    print(
        f"{len(stored)} entries, each once and in order; written to docs/watch.svg and docs/watch.cast",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
