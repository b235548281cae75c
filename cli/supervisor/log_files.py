"""What the parts say: all of it in a file each, warnings and worse on the terminal too."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

ROTATED_AT_BYTES = 5_000_000
"""How long a part's log grows before the next file is begun."""
KEPT_FILES = 3
"""How many full ones are kept beside it: `.log.1` is the latest."""
LONGEST_LINE_BYTES = 64_000
_LOUD = {
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "critical": "error",
    "fatal": "error",
    "panic": "error",
}
_WORTH_SHOWING = ("error", "reason", "code", "details", "correlation_id")
_OURS = ("mesh", "services", "agent", "gradio_ui")
"""Packages whose warnings are meant for whoever runs the product. Libraries warn their developers: those stay in the log."""
_HARMLESS = ("error reading data channel", "closed unexpectedly")
"""What LiveKit calls errors and are callers who hang up."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """A line that a person at the terminal should see."""

    level: str
    """`warning` or `error`."""
    text: str


def complaint_in(line: str) -> Complaint | None:
    """The complaint in a JSON log line (structlog's or zap's); None for anything else, and for what is no concern of the person's."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    if not isinstance(event, dict):
        return None
    level = _LOUD.get(str(event.get("level", "")).lower())
    text = next((str(event[key]) for key in ("event", "msg", "message") if event.get(key)), line).partition(
        "\n"
    )[0]
    ours = str(event.get("logger", "")).partition(".")[0] in _OURS
    if level is None or (level == "warning" and not ours) or any(words in text for words in _HARMLESS):
        return None
    details = [f"{key}={str(event[key])[:120]}" for key in _WORTH_SHOWING if event.get(key)]
    return Complaint(level, " ".join([text[:300], *details]))


class PartLog(asyncio.Protocol):
    """Reads the output of a part's processes into its file, line by line.

    Processes write to a pipe and this alone writes the file, so it can begin another one while they run.
    """

    def __init__(self, path: Path, heard: Callable[[str], None]) -> None:
        self._path, self._heard = path, heard
        self._rest = b""
        self.last_line = ""
        """The last line that was not empty: a dying process's last words."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._begin_file()

    @property
    def path(self) -> Path:
        """Where the log is."""
        return self._path

    async def attach(self) -> int:
        """A file descriptor for a process to write to; close it once the process has it."""
        read_end, write_end = os.pipe()
        # A pipe of our own: asyncio's would keep a dead process "running" for as long as a grandchild holds it open.
        await asyncio.get_running_loop().connect_read_pipe(lambda: self, os.fdopen(read_end, "rb", 0))
        return write_end

    def data_received(self, data: bytes) -> None:
        """Takes what came."""
        self._write(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-LONGEST_LINE_BYTES:]
        for line in lines:
            self._take(line)

    def _write(self, data: bytes) -> None:
        """Into the file, and into another one once it is full; a line stays whole unless it doesn't end."""
        while len(data) > (room := max(0, ROTATED_AT_BYTES - self._size)):
            end = data.rfind(b"\n", 0, room) + 1 or data.find(b"\n") + 1
            if not end and self._size < ROTATED_AT_BYTES + LONGEST_LINE_BYTES:
                break
            self._append(data[:end])
            self._rotate()
            data = data[end:]
        self._append(data)

    def _append(self, data: bytes) -> None:
        self._file.write(data)
        self._size += len(data)

    def _begin_file(self) -> None:
        self._file = self._path.open("ab", buffering=0)
        self._path.chmod(0o600)
        self._size = self._file.tell()

    def _rotate(self) -> None:
        """Puts the full file aside and those before it one further; the oldest is replaced."""
        full = self._file
        ages = [self._path.with_suffix(f".log.{age}") for age in range(KEPT_FILES, 0, -1)]
        for older, newer in pairwise([*ages, self._path]):
            with contextlib.suppress(FileNotFoundError):
                newer.replace(older)
        self._begin_file()
        full.close()

    def _take(self, line: bytes) -> None:
        text = line.decode(errors="replace").strip()
        if text:
            self.last_line = text
            self._heard(text)

    def close(self) -> None:
        """Closes the file."""
        self._take(self._rest)
        self._file.close()
