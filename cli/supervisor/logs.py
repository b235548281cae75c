"""What the parts say: all of it in a file each, warnings and worse on the terminal too."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROTATED_AT_BYTES = 5_000_000
LONGEST_LINE_BYTES = 64_000
_LOUD = {"warn": "warning", "warning": "warning", "error": "error", "critical": "error", "fatal": "error", "panic": "error"}
_NOT_WORTH_SHOWING = {
    "level",
    "ts",
    "timestamp",
    "caller",
    "event",
    "msg",
    "message",
    "logger",
    "process",
    "stacktrace",
    "exception",
    "pid",
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """A line that a person at the terminal should see."""

    level: str
    """`warning` or `error`."""
    text: str


def complaint_in(line: str) -> Complaint | None:
    """The complaint in a JSON log line (structlog's or zap's); None for anything else."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    if not isinstance(event, dict):
        return None
    level = _LOUD.get(str(event.get("level", "")).lower())
    if level is None:
        return None
    text = next((str(event[key]) for key in ("event", "msg", "message") if event.get(key)), line)
    details = [f"{key}={value}" for key, value in event.items() if key not in _NOT_WORTH_SHOWING and isinstance(value, str | int | float)]
    return Complaint(level, " ".join([text, *details])[:400])


class PartLog(asyncio.Protocol):
    """Reads the output of a part's processes into its file, line by line."""

    def __init__(self, path: Path, heard: Callable[[str], None]) -> None:
        self._path, self._heard = path, heard
        self._rest = b""
        self.last_line = ""
        """The last line that was not empty: a dying process's last words."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > ROTATED_AT_BYTES:
            path.replace(path.with_suffix(".log.1"))
        self._file = path.open("ab", buffering=0)
        path.chmod(0o600)

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
        self._file.write(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-LONGEST_LINE_BYTES:]
        for line in lines:
            self._take(line)

    def _take(self, line: bytes) -> None:
        text = line.decode(errors="replace").strip()
        if text:
            self.last_line = text
            self._heard(text)

    def close(self) -> None:
        """Closes the file."""
        self._take(self._rest)
        self._file.close()
