"""Processes of the supervisor: a run of a part in its own process group, and the reaper."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping

from cli.supervisor import reaper
from cli.supervisor.log_files import PartLog
from cli.supervisor.parts import Part


class PartProcess:
    """A running part. Its process group ends with it, and so does everything it started."""

    def __init__(self, part: Part, process: asyncio.subprocess.Process) -> None:
        self.part = part
        self._process = process
        self.group = process.pid

    @classmethod
    async def start(cls, part: Part, environment: Mapping[str, str], log: PartLog) -> PartProcess:
        """Start the part with its output going to `log`."""
        output = await log.attach()
        try:
            process = await asyncio.create_subprocess_exec(
                *part.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,  # Ctrl-C goes to the supervisor alone
                umask=0o077,  # only the owner may read databases, logs and outboxes
            )
        finally:
            os.close(output)
        return cls(part, process)

    async def wait(self) -> int:
        """Wait for the end, kill the rest of the group, and return the exit code; minus the signal's number
        if a signal ended it."""
        code = await self._process.wait()
        self.kill()
        return code

    @property
    def running(self) -> bool:
        """The process has not ended."""
        return self._process.returncode is None

    def terminate(self) -> None:
        """Send SIGTERM to the process."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to the whole group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.group, signal.SIGKILL)


class Reaper:
    """The process of `cli.supervisor.reaper`, which cleans up when this process is killed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls) -> Reaper:
        """Start the process."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", reaper.__file__),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        return cls(process)

    def watch(self, group: int) -> None:
        """Add a process group."""
        self._send(f"+{group}\n")

    def forget(self, group: int) -> None:
        """Remove a group that has ended, before the system uses its number again."""
        self._send(f"-{group}\n")

    async def stop(self) -> None:
        """End the reaper once no group is left."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write(line.encode())
