"""Records `readback watch` following a voice call while the conversation service under both is killed and started again.

    python -m tools.record_watch        # writes docs/watch.svg and docs/watch.cast, in two minutes or so

All of it is real: `readback up` in a home of its own, a call by `readback call --say`, SIGKILL to the service's process in the midst of the
agent's answer, the supervisor's restart. Nothing is written unless the watch showed every entry of the log once and in order.
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

from mesh.settings import CHECKOUT
from tests.product import READBACK, Product, environment_for, started
from tools.terminal_screen import Screen

WIDTH, HEIGHT = 128, 40
SAYINGS = ("Show flights from Mumbai to Delhi tomorrow.", "What about the evening?")
PASSWORD = "a long walk in the park"  # noqa: S105 -- of an account that lives as long as this recording
TAKES = 4
MEANWHILE = "# in another terminal: kill -9 of the conversation service; `readback up` starts it again"
_ENTRY = re.compile(r"^ +(\d+)  \d\d:\d\d:\d\d  ")
_FONTS = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)


class Spoilt(Exception):
    """This take shows something else: the ears misheard, or the machine was too slow."""


class Recording:
    """A program on a terminal of its own, and what it wrote when."""

    def __init__(self, process: subprocess.Popen[bytes], leader: int) -> None:
        self.process = process
        self.events: list[tuple[float, str]] = []
        self._leader, self._began = leader, time.monotonic()
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def lines(self) -> list[str]:
        """What stands on the terminal, with colours."""
        screen = Screen()
        screen.write("".join(text for _, text in list(self.events)))
        return screen.lines

    @property
    def plain(self) -> list[str]:
        """The same without."""
        return [Text.from_ansi(line).plain for line in self.lines]

    def wait_for(self, reached: Callable[[list[str]], bool], what: str, seconds: float = 120) -> None:
        """Waits until something stands there.

        Raises:
            Spoilt: it doesn't come, or the call is over before.
        """
        with self._changed:
            self._changed.wait_for(lambda: reached(self.plain) or _over(self.plain), seconds)
            if not reached(self.plain):
                raise Spoilt(f"{what} never came:\n" + "\n".join(self.plain))

    def ended(self) -> int:
        """Waits for the end; gives the exit code."""
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
            pass  # how Linux says that the program has closed its terminal
        os.close(self._leader)


@contextmanager
def on_a_terminal(product: Product, *arguments: str) -> Iterator[Recording]:
    """Runs a `readback` command on a terminal."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    environment = {**product.environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    process = subprocess.Popen(
        [*READBACK, *arguments], env=environment, stdin=follower, stdout=follower, stderr=follower
    )
    os.close(follower)
    recording = Recording(process, leader)
    try:
        yield recording
    finally:
        if process.poll() is None:
            process.kill()
        recording.ended()


def recorded(product: Product, take: int) -> tuple[Recording, list[int]]:
    """The session of a new customer, and the numbers of the log's entries as they are stored.

    Raises:
        Spoilt: it didn't go as it should.
    """
    login = product.readback(
        "login", f"asha{take}@example.com", "--password-stdin", "--register", input=PASSWORD + "\n"
    )
    if login.returncode:
        raise SystemExit(login.stderr)
    says = [word for saying in SAYINGS for word in ("--say", saying)]
    with on_a_terminal(product, "watch") as watch:
        call = subprocess.Popen(
            [*READBACK, "call", *says],
            env=product.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        watch.wait_for(_answering, "the agent's answer")
        product.process_of("conversation").kill()
        watch.wait_for(lambda lines: "connected again" in "".join(lines), "the service")
        if call.wait(180):
            raise Spoilt("the call failed")
        watch.wait_for(_over, "the end of the call")
        watch.process.send_signal(signal.SIGINT)
        watch.ended()
    stored = product.readback("watch", "--no-follow", "--json").stdout.splitlines()
    return watch, [int(event["entry"]["number"]) for event in map(json.loads, stored) if "entry" in event]


def _answering(lines: list[str]) -> bool:
    """Whether the agent is in the midst of saying what it found."""
    found = next((at for at, line in enumerate(lines) if "search_flights: FOUND" in line), None)
    return found is not None and any(
        "…" in line and "agent" in line and len(line.split()) > 6 for line in lines[found + 1 :]
    )


def _over(lines: list[str]) -> bool:
    return any("call ended" in line for line in lines)


def shown(lines: list[str]) -> list[int]:
    """Numbers of the entries on a terminal, from top to bottom."""
    return [int(entry[1]) for line in lines if (entry := _ENTRY.match(line))]


def write_picture(lines: list[str], path: Path) -> None:
    """The terminal as it stood at the end."""
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(Text.from_markup("[bold green]$[/] readback watch"))
    for line in lines:
        if "connection lost" in line:
            console.print(
                Text.from_markup(
                    "[dim italic]# in another terminal: kill -9 the conversation service; `readback up` starts it again[/]"
                )
            )
        if line.strip():
            console.print(Text.from_ansi(line), soft_wrap=False)
    picture = console.export_svg(
        title="readback watch", code_format=_FONTS.sub("", CONSOLE_SVG_FORMAT), unique_id="watch"
    )
    path.write_text("\n".join(line.rstrip() for line in picture.splitlines()) + "\n")


def write_cast(recording: Recording, path: Path) -> None:
    """The session as it ran, for asciinema's player (asciicast, version 2)."""
    head = {"version": 2, "width": WIDTH, "height": HEIGHT, "command": "readback watch"}
    events = [[round(at, 3), "o", text] for at, text in recording.events]
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in [head, *events]))


def _good_take(product: Product) -> tuple[Recording, list[int]]:
    for take in range(1, TAKES):
        try:
            return recorded(product, take)
        except Spoilt as spoilt:
            print(f"take {take}: {spoilt}", file=sys.stderr)
    return recorded(product, TAKES)


def main() -> None:
    """Records, checks, writes."""
    with TemporaryDirectory() as home, started(environment_for(Path(home))) as product:
        product.wait_for("Ctrl-C ends everything")
        recording, stored = _good_take(product)
    if shown(recording.plain) != stored or stored != list(range(1, len(stored) + 1)):
        raise SystemExit(f"shown {shown(recording.plain)}, stored {stored}:\n" + "\n".join(recording.plain))
    write_picture(recording.lines, CHECKOUT / "docs" / "watch.svg")
    write_cast(recording, CHECKOUT / "docs" / "watch.cast")
    print(
        f"{len(stored)} entries, each once and in order; written to docs/watch.svg and docs/watch.cast",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
