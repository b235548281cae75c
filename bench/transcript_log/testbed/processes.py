"""Servers in their own processes, each on a core, ended at the end of their block."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bench.transcript_log.testbed.cores import on_core

START_SECONDS = 60.0
END_SECONDS = 15.0


class DidNotStart(Exception):
    """A server ended or never listened; the text is the end of its output."""


@asynccontextmanager
async def process(
    *arguments: str, environment: Mapping[str, str], port: int, log: Path, core: int, nice: int = 0
) -> AsyncIterator[int]:
    """Run `python …arguments`, wait until it listens on its port, and yield its process ID.

    `nice` is its niceness (19: it gives way to everything else).

    Raises:
        DidNotStart: it ended, or did not listen within a minute.
    """
    running = _start(arguments, environment, log, core, nice)
    try:
        await _wait_until_listening(running, port, log)
        yield running.pid
    finally:
        running.terminate()
        try:
            await asyncio.to_thread(running.wait, END_SECONDS)
        except subprocess.TimeoutExpired:
            running.kill()
            await asyncio.to_thread(running.wait)


def _start(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path, core: int, nice: int
) -> subprocess.Popen[bytes]:
    command = [sys.executable, *arguments]
    with log.open("ab") as output, on_core(core):
        running = subprocess.Popen(
            command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    if nice:
        os.setpriority(os.PRIO_PROCESS, running.pid, nice)
    return running


async def _wait_until_listening(running: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            if running.poll() is not None or time.monotonic() > deadline:
                raise DidNotStart(_end_of(log)) from None
            await asyncio.sleep(0.05)
        else:
            writer.close()
            await writer.wait_closed()
            return


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])
