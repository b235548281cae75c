"""One run of a part: a process group of its own, so that what it starts ends with it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from cli.supervisor import reaper as warden
from cli.supervisor.log_files import PartLog
from cli.supervisor.parts import Part


class PartProcess:
    """A running part."""

    def __init__(self, part: Part, process: asyncio.subprocess.Process) -> None:
        self.part = part
        self._process = process
        self.group = process.pid

    @classmethod
    async def start(cls, part: Part, environment: Mapping[str, str], log: PartLog) -> PartProcess:
        """Starts the part, its output going to `log`."""
        output = await log.attach()
        try:
            process = await asyncio.create_subprocess_exec(
                *part.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,  # Ctrl-C is the supervisor's alone
                umask=0o077,  # databases, logs and outboxes are for their owner
            )
        finally:
            os.close(output)
        return cls(part, process)

    async def wait(self) -> int:
        """Waits for its end; minus the signal's number when one ended it. Its group is killed with it."""
        code = await self._process.wait()
        self.kill()
        return code

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None

    def terminate(self) -> None:
        """Asks it to end."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the whole group at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.group, signal.SIGKILL)


class Warden:
    """The process that cleans up when this one is killed; see `cli.supervisor.reaper`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls) -> Warden:
        """Starts it."""
        script = str(Path(warden.__file__))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            script,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        return cls(process)

    def watch(self, group: int) -> None:
        """Takes a group under its care."""
        self._tell(f"+{group}\n")

    def forget(self, group: int) -> None:
        """Lets go of a group that has ended, before its number can mean another."""
        self._tell(f"-{group}\n")

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write(line.encode())

    async def dismiss(self) -> None:
        """Ends it once nothing is left to watch."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
