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
    text = next((str(event[key]) for key in ("event", "msg", "message") if event.get(key)), line).partition("\n")[0]
    ours = str(event.get("logger", "")).partition(".")[0] in _OURS
    if level is None or (level == "warning" and not ours) or any(words in text for words in _HARMLESS):
        return None
    details = [f"{key}={str(event[key])[:120]}" for key in _WORTH_SHOWING if event.get(key)]
    return Complaint(level, " ".join([text[:300], *details]))


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
