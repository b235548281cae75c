"""A command that reads lines waits for them in a way that Ctrl-C ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

pytestmark = pytest.mark.integration

CALLING = "from cli.commands.call import _typed_lines as lines"
UNDERSTANDING = "from cli.commands.understand import _lines; lines = lambda: _lines(None)"
READING = """
import asyncio, signal
{lines}

async def read():
    print("reading", flush=True)
    try:
        async for line in lines():
            print(getattr(line, "text", line), flush=True)
    finally:
        print("ended", flush=True)

signal.signal(signal.SIGINT, signal.default_int_handler)
asyncio.run(read())
"""


@contextmanager
def reading(lines: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that prints the lines it reads, as soon as it does."""
    command = [sys.executable, "-c", READING.format(lines=lines)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"reading\n"
            yield process
        finally:
            process.kill()


def _say(process: subprocess.Popen[bytes], text: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(text)
    process.stdin.flush()


@pytest.mark.parametrize("lines", [CALLING, UNDERSTANDING])
def test_the_first_interruption_ends_the_wait_for_a_line(lines: str) -> None:
    with reading(lines) as process:
        assert process.stdout is not None
        _say(process, b"hello\n")
        assert process.stdout.readline() == b"hello\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (130, -signal.SIGINT)
        assert process.stdout.read() == b"ended\n"
        assert process.stderr is not None
        assert process.stderr.read().endswith(b"\nKeyboardInterrupt\n")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [(CALLING, "नमस्ते\nto Delhi\nlast\nended\n"), (UNDERSTANDING, "नमस्ते\nto Delhi\n\nlast\nended\n")],
)
def test_lines_come_whole_and_the_last_one_needs_no_end(lines: str, expected: str) -> None:
    with reading(lines) as process:
        out, err = process.communicate("नमस्ते\nto Delhi\r\n\nlast".encode(), timeout=30)
    assert (out.decode(), err, process.returncode) == (expected, b"", 0)
