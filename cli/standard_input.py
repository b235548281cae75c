"""Lines from standard input, which no command has to wait for."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from concurrent.futures import Future
from io import FileIO


async def typed_lines() -> AsyncIterator[str]:
    """Every line until the end of the input, as it comes, without what ends it."""
    # Unbuffered: the buffer's lock is held while it reads, and the interpreter aborts when it can't have it at its end.
    standard_input = FileIO(sys.stdin.fileno(), closefd=False)
    while line := await _line(standard_input):
        yield line.decode(sys.stdin.encoding, "replace").rstrip("\r\n")


async def _line(file: FileIO) -> bytes:
    """The next line; empty at the end.

    Nothing interrupts a read, and asyncio waits for its own threads before it lets a program end. This one is waited for by nobody, so that
    Ctrl-C is heard while a terminal says nothing.
    """
    answer: Future[bytes] = Future()
    answer.set_running_or_notify_cancel()

    def read() -> None:
        try:
            answer.set_result(file.readline())
        except OSError as error:
            answer.set_exception(error)

    threading.Thread(target=read, name="standard input", daemon=True).start()
    return await asyncio.wrap_future(answer)
