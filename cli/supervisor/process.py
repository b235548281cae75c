"""Processes of parts: each part runs in its own process group."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping

from cli.supervisor.log_files import PartLog
from cli.supervisor.parts import Part


class PartProcess:
    """A running part in its own process group. When the part ends, the remaining group is killed."""

    def __init__(self, part: Part, process: asyncio.subprocess.Process) -> None:
        self.part = part
        self._process = process
        self.group = process.pid

    @classmethod
    async def start(cls, part: Part, environment: Mapping[str, str], log: PartLog) -> PartProcess:
        """Start the part. Its output is written to `log`."""
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
        """Wait until the process ends, kill the rest of its group, and return the exit code.

        If a signal ended the process, the exit code is the negative signal number.
        """
        code = await self._process.wait()
        self.kill()
        return code

    @property
    def running(self) -> bool:
        """True while the process has not ended."""
        return self._process.returncode is None

    def terminate(self) -> None:
        """Send SIGTERM to the process."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to the whole group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.group, signal.SIGKILL)
