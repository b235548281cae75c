"""Log files of the parts: one per part in `logs/` of the home, rotated while the part runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

MAX_FILE_BYTES = 5_000_000
"""Size at which a part's log is rotated."""
KEPT_FILES = 3
"""Number of rotated files that are kept. `.log.1` is the newest."""
MAX_LINE_BYTES = 64_000


class PartLog(asyncio.Protocol):
    """Log file of a part. It receives the output of the part's processes, and calls `on_line` for each line.

    The processes write to a pipe, and only this object writes to the file, so the file can be rotated while
    they run.
    """

    def __init__(self, path: Path, on_line: Callable[[str], None]) -> None:
        self.path, self._on_line = path, on_line
        self._incomplete = b""
        self.last_line = ""
        """The last line that is not empty. After a crash it is often the reason."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._open_file()

    async def attach(self) -> int:
        """Return a file descriptor for a process's output. Close it once the process has started."""
        read_end, write_end = os.pipe()
        # Our own pipe. With asyncio's pipe, a dead process counts as running while a grandchild has it open.
        await asyncio.get_running_loop().connect_read_pipe(lambda: self, os.fdopen(read_end, "rb", 0))
        return write_end

    def data_received(self, data: bytes) -> None:
        """Write output to the file and pass on its complete lines."""
        with contextlib.suppress(OSError):  # a full disk must not close the part's output
            self._write(data)
        *lines, self._incomplete = (self._incomplete + data).split(b"\n")
        self._incomplete = self._incomplete[-MAX_LINE_BYTES:]
        for line in lines:
            self._pass_on(line)

    def close(self) -> None:
        """Close the file."""
        self._pass_on(self._incomplete)
        self._file.close()

    def _write(self, data: bytes) -> None:
        """Append to the file and rotate it when it is full. It rotates between lines, if possible."""
        while len(data) > (room := max(0, MAX_FILE_BYTES - self._size)):
            end = data.rfind(b"\n", 0, room) + 1 or data.find(b"\n") + 1
            if not end and self._size < MAX_FILE_BYTES + MAX_LINE_BYTES:
                break
            self._append(data[:end])
            self._rotate()
            data = data[end:]
        self._append(data)

    def _append(self, data: bytes) -> None:
        self._file.write(data)
        self._size += len(data)

    def _open_file(self) -> None:
        self._file = self.path.open("ab", buffering=0)
        self.path.chmod(0o600)
        self._size = self._file.tell()

    def _rotate(self) -> None:
        full = self._file
        names = [self.path.with_suffix(f".log.{age}") for age in range(KEPT_FILES, 0, -1)]
        for older, newer in pairwise([*names, self.path]):
            with contextlib.suppress(FileNotFoundError):
                newer.replace(older)
        self._open_file()
        full.close()

    def _pass_on(self, line: bytes) -> None:
        text = line.decode(errors="replace").strip()
        if text:
            self.last_line = text
            self._on_line(text)
