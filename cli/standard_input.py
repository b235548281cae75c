"""Lines from standard input. Ctrl-C can interrupt the wait for a line."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from concurrent.futures import Future
from io import FileIO


async def read_lines() -> AsyncIterator[str]:
    """Yield each line, without its line break, until the input ends."""
    # Unbuffered, because a buffered reader holds a lock while it reads. The interpreter would abort at exit.
    standard_input = FileIO(sys.stdin.fileno(), closefd=False)
    while line := await _read_line(standard_input):
        yield line.decode(sys.stdin.encoding, "replace").rstrip("\r\n")


async def _read_line(file: FileIO) -> bytes:
    """Return the next line; empty at the end of the input.

    A blocking read can't be interrupted, so it runs in a daemon thread. The interpreter doesn't wait for
    daemon threads at exit, as it does for asyncio's own threads, so Ctrl-C works during the read.
    """
    line: Future[bytes] = Future()
    line.set_running_or_notify_cancel()

    def read() -> None:
        try:
            line.set_result(file.readline())
        except OSError as error:
            line.set_exception(error)

    threading.Thread(target=read, name="standard input", daemon=True).start()
    return await asyncio.wrap_future(line)
