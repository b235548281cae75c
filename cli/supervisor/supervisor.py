"""The supervisor: starts the parts in order, restarts those that crash, and ends them all together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

import psutil

from cli.errors import CommandError, UsageError
from cli.supervisor import readiness, shutdown
from cli.supervisor.child_processes import Reaper
from cli.supervisor.log_files import PartLog
from cli.supervisor.parts import Part
from cli.supervisor.process import PartProcess
from cli.supervisor.restart_backoff import RestartBackoff
from cli.supervisor.terminal import TerminalOutput, exit_text, readable
from mesh.clock import Clock, SystemClock

START_LIMIT_SECONDS = 180.0
SLOW_AFTER_SECONDS = 20.0

Probe = Callable[[str], Awaitable[bool]]


class Supervisor:
    """Supervisor of the parts. Every part runs until `stop` is called."""

    def __init__(
        self,
        parts: Sequence[Part],
        environment: Mapping[str, str],
        logs: Path,
        output: TerminalOutput,
        *,
        clock: Clock | None = None,
        probe: Probe = readiness.is_ready,
    ) -> None:
        self._parts, self._environment, self._logs, self._output = parts, environment, logs, output
        self._clock, self._probe = clock or SystemClock(), probe
        self._ready = {part.name: asyncio.Event() for part in parts}
        self._running: dict[str, PartProcess] = {}
        self._open_logs: list[PartLog] = []
        self._stop, self._hurry = asyncio.Event(), asyncio.Event()
        self._reaper: Reaper

    def stop(self) -> None:
        """End all parts. A second call kills them."""
        (self._hurry if self._stop.is_set() else self._stop).set()

    async def all_ready(self) -> None:
        """Wait until every part is ready."""
        for ready in self._ready.values():
            await ready.wait()

    async def run(self, when_ready: Callable[[], None] = lambda: None) -> None:
        """Run the parts until `stop` is called.

        Before it returns, it ends every child process that was started during the run.

        Raises:
            CommandError: the first start of a part failed.
        """
        started_before = shutdown.children()
        shutdown.adopt_orphans()
        self._reaper = Reaper()
        try:
            await self._run_parts(when_ready)
        finally:
            await asyncio.shield(self._end_all(spared=started_before))

    async def _run_parts(self, when_ready: Callable[[], None]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._run_part(part)) for part in self._parts]
                tasks.append(group.create_task(self._call_when_ready(when_ready)))
                await self._stop.wait()
                for task in tasks:
                    task.cancel()
        except* CommandError as failures:
            raise failures.exceptions[0] from None

    async def _call_when_ready(self, when_ready: Callable[[], None]) -> None:
        await self.all_ready()
        when_ready()

    async def _run_part(self, part: Part) -> None:
        """Start a part when the parts that it needs are ready, and restart it after each crash."""
        for needed in part.after:
            await self._ready[needed].wait()
        log = PartLog(self._logs / f"{part.name}.log", partial(self._output.logged, part))
        self._open_logs.append(log)
        backoff = RestartBackoff()
        first = True
        while True:
            began = self._clock.monotonic()
            process = await self._start(part, log)
            if await self._wait_until_ready(process, began, log, first=first):
                (self._output.ready if first else self._output.back)(part, self._clock.monotonic() - began)
                first = False
                self._ready[part.name].set()
            code = await process.wait()
            self._forget(process)
            delay = backoff.delay_after(self._clock.monotonic() - began)
            self._output.died(part, code, log.last_line, delay)
            await self._clock.sleep(delay)

    async def _start(self, part: Part, log: PartLog) -> PartProcess:
        process = await PartProcess.start(part, self._environment, log)
        self._running[part.name] = process
        self._reaper.watch(process.group)
        return process

    def _forget(self, process: PartProcess) -> None:
        self._reaper.forget(process.group)
        self._running.pop(process.part.name, None)

    async def _wait_until_ready(
        self, process: PartProcess, began: float, log: PartLog, *, first: bool
    ) -> bool:
        """Wait until the part is ready; return False if it ended before it was ready.

        Raises:
            CommandError: on the first start, the part ended or was not ready within `START_LIMIT_SECONDS`.
        """
        next_notice = SLOW_AFTER_SECONDS
        while process.running:
            if await self._probe(process.part.health_url) and process.running:
                return True
            waited = self._clock.monotonic() - began
            if waited > next_notice:
                next_notice += SLOW_AFTER_SECONDS
                self._output.slow(process.part, waited)
            if first and waited > START_LIMIT_SECONDS:
                limit = f"{START_LIMIT_SECONDS:.0f} s"
                raise CommandError(
                    f"{process.part.name} was not ready after {limit}; see its log {log.path}."
                )
            await self._clock.sleep(readiness.INTERVAL_SECONDS)
        if first:
            raise _start_failure(process.part, await process.wait(), log)
        return False

    async def _end_all(self, *, spared: Collection[psutil.Process]) -> None:
        running = list(self._running.values())
        await shutdown.end_all(running, self._hurry)
        for process in running:
            self._forget(process)
        self._reaper.stop()
        shutdown.kill_descendants(spared)
        for log in self._open_logs:
            log.close()


def _start_failure(part: Part, code: int, log: PartLog) -> CommandError:
    """Return the error for a part whose first start failed. If its exit code is 2, return a UsageError."""
    reason = readable(log.last_line) if log.last_line else "it logged nothing"
    error = UsageError if code == UsageError.exit_code else CommandError
    return error(f"{part.name} {exit_text(code)} before it was ready: {reason}\nSee its log {log.path}.")
