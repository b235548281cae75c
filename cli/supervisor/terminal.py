"""What the supervisor tells, and to whom."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Protocol

from rich.console import Console
from rich.markup import escape

from cli.supervisor.log_files import complaint_in
from cli.supervisor.parts import Part

QUIET_FOR_SECONDS = 60.0
"""A complaint that repeats is shown once in this time."""


class Report(Protocol):
    """Is told what happens to the parts."""

    def ready(self, part: Part, seconds: float) -> None:
        """A part can be used, so long after it was started."""
        ...

    def slow(self, part: Part, seconds: float) -> None:
        """A part is still not ready."""
        ...

    def died(self, part: Part, code: int, last_line: str, delay: float) -> None:
        """A part ended by itself and will be started again after `delay` seconds."""
        ...

    def back(self, part: Part, seconds: float) -> None:
        """A part that died is ready again."""
        ...

    def heard(self, part: Part, line: str) -> None:
        """A part wrote a line."""
        ...


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    return f"was killed (signal {-code})" if code < 0 else f"ended (exit code {code})"


class Terminal:
    """Tells the person who ran `readback up`."""

    def __init__(
        self, console: Console, *, verbose: bool = False, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._console, self._verbose, self._monotonic = console, verbose, monotonic
        self._shown: dict[tuple[str, str], float] = {}

    def ready(self, part: Part, seconds: float) -> None:
        """One line a part."""
        self._console.print(
            f"  [green]✓[/] {part.name:<13} {seconds:5.1f} s   {escape(part.where)}", highlight=False
        )

    def slow(self, part: Part, seconds: float) -> None:
        """Says that it is being waited for."""
        self._console.print(
            f"  [yellow]…[/] {part.name:<13} still starting after {seconds:.0f} s", highlight=False
        )

    def died(self, part: Part, code: int, last_line: str, delay: float) -> None:
        """Says so, with its last words."""
        words = f": {escape(last_words(last_line))}" if last_line else ""
        self._console.print(
            f"  [red]✗[/] {part.name:<13} {how_it_ended(code)}; starting it again in {delay:g} s{words}",
            highlight=False,
            soft_wrap=True,
        )

    def back(self, part: Part, seconds: float) -> None:
        """Says so."""
        self._console.print(f"  [green]✓[/] {part.name:<13} is back after {seconds:.1f} s", highlight=False)

    def heard(self, part: Part, line: str) -> None:
        """Shows complaints, and everything when verbose."""
        if self._verbose:
            self._console.print(f"  [dim]{part.name:<15} {escape(line)}[/]", highlight=False, soft_wrap=True)
            return
        complaint = complaint_in(line)
        now = self._monotonic()
        if (
            complaint is None
            or now - self._shown.get((part.name, complaint.text), -QUIET_FOR_SECONDS) < QUIET_FOR_SECONDS
        ):
            return
        self._shown[part.name, complaint.text] = now
        colour = "red" if complaint.level == "error" else "yellow"
        self._console.print(
            f"  [{colour}]![/] {part.name:<13} {escape(complaint.text)}", highlight=False, soft_wrap=True
        )


def last_words(line: str) -> str:
    """The readable part of a dying process's last line."""
    complaint = complaint_in(line)
    if complaint:
        return complaint.text
    try:
        event = json.loads(line)
    except ValueError:
        return line[:400]
    return str(event.get("event", line))[:400] if isinstance(event, dict) else line[:400]
