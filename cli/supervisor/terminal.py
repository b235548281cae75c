"""Output of the supervisor on the terminal: state changes, and log lines that need attention."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape

from cli.supervisor.parts import Part

REPEAT_AFTER_SECONDS = 60.0
"""A repeated alert is shown at most once within this time."""
_ALERT_LEVELS = {
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "critical": "error",
    "fatal": "error",
    "panic": "error",
}
_SHOWN_FIELDS = ("error", "reason", "code", "details", "correlation_id", "kind", "count")
_OUR_PACKAGES = ("mesh", "services", "agent", "gradio_ui")
"""Packages whose warnings are shown. Warnings of libraries are meant for developers."""
_HARMLESS = ("error reading data channel", "closed unexpectedly")
"""Parts of log lines that LiveKit logs as errors whenever a caller hangs up. They are not shown."""
_SINGLE = "security event"
"""A single one, such as a wrong password, needs no attention. Many of a kind have a line of their own."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A log line that needs the user's attention."""

    level: str
    """`warning` or `error`."""
    text: str


class TerminalOutput:
    """Supervisor output for the user of `readback up`."""

    def __init__(
        self,
        console: Console,
        *,
        verbose: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
        on_closed: Callable[[], None] = lambda: None,
    ) -> None:
        """Print to `console`. Call `on_closed` once if the terminal, or the reader of a pipe, is gone."""
        self._console, self._verbose, self._monotonic = console, verbose, monotonic
        self._on_closed, self._closed = on_closed, False
        self._shown_at: dict[tuple[str, str], float] = {}

    def ready(self, part: Part, seconds: float) -> None:
        """Print that a part is ready, the duration of its start, and its address."""
        self.say(f"  [green]✓[/] {part.name:<13} {seconds:5.1f} s   {escape(part.where)}")

    def slow(self, part: Part, seconds: float) -> None:
        """Print that a part is still not ready."""
        self.say(f"  [yellow]…[/] {part.name:<13} still starting after {seconds:.0f} s")

    def died(self, part: Part, code: int, last_line: str, delay: float) -> None:
        """Print that a part ended unexpectedly, its last log line, and the seconds until its restart."""
        reason = f": {escape(readable(last_line))}" if last_line else ""
        self.say(f"  [red]✗[/] {part.name:<13} {exit_text(code)}; restarting in {delay:g} s{reason}")

    def back(self, part: Part, seconds: float) -> None:
        """Print that a restarted part is ready again."""
        self.say(f"  [green]✓[/] {part.name:<13} is back after {seconds:.1f} s")

    def logged(self, part: Part, line: str) -> None:
        """Print a log line of a part if it is an alert. If verbose, print every line."""
        if self._verbose:
            self.say(f"  [dim]{part.name:<15} {escape(line)}[/]")
        elif alert := alert_in(line):
            key, now = (part.name, alert.text), self._monotonic()
            if now - self._shown_at.get(key, -REPEAT_AFTER_SECONDS) < REPEAT_AFTER_SECONDS:
                return
            self._shown_at[key] = now
            colour = "red" if alert.level == "error" else "yellow"
            self.say(f"  [{colour}]![/] {part.name:<13} {escape(alert.text)}")

    def say(self, line: str) -> None:
        """Print a line."""
        if self._closed:
            return
        try:
            self._console.print(line, highlight=False, soft_wrap=True)
        except (OSError, SystemExit):  # rich raises SystemExit when the reader of a pipe is gone
            self._closed = True
            self._on_closed()


def exit_text(code: int) -> str:
    """Return an exit code in words."""
    return f"was killed (signal {-code})" if code < 0 else f"ended (exit code {code})"


def alert_in(line: str) -> Alert | None:
    """Return the alert in a JSON log line of structlog or zap; None if it needs no attention."""
    event = _parse(line)
    level = _ALERT_LEVELS.get(str(event.get("level", "")).lower())
    message = next((str(event[key]) for key in ("event", "msg", "message") if event.get(key)), line)
    text = message.partition("\n")[0]
    ours = str(event.get("logger", "")).partition(".")[0] in _OUR_PACKAGES
    if level is None or (level == "warning" and not ours) or text == _SINGLE:
        return None
    if any(words in text for words in _HARMLESS):
        return None
    fields = [f"{key}={str(event[key])[:120]}" for key in _SHOWN_FIELDS if event.get(key)]
    return Alert(level, " ".join([text[:300], *fields]))


def readable(line: str) -> str:
    """Return the text of a log line without its JSON."""
    alert = alert_in(line)
    return alert.text if alert else str(_parse(line).get("event", line))[:400]


def _parse(line: str) -> dict[str, object]:
    """Return the fields of a JSON log line; empty if the line is not a JSON object."""
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}
