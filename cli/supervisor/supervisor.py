"""Keeps every part running until it is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

import psutil

from cli.errors import CommandError, UsageError
from cli.supervisor import readiness
from cli.supervisor import shutdown as ending
from cli.supervisor.log_files import PartLog
from cli.supervisor.parts import Part
from cli.supervisor.process import PartProcess, Warden
from cli.supervisor.restart_backoff import Backoff
from cli.supervisor.terminal import Report, how_it_ended, last_words
from mesh.clock import Clock, SystemClock

START_LIMIT_SECONDS = 180.0
SLOW_AFTER_SECONDS = 20.0

Probe = Callable[[str], Awaitable[bool]]


class Supervisor:
    """Starts parts in order of what they need, restarts the ones that die, ends them all together."""

    def __init__(
        self,
        parts: Sequence[Part],
        environment: Mapping[str, str],
        logs: Path,
        report: Report,
        *,
        clock: Clock | None = None,
        probe: Probe = readiness.answers,
    ) -> None:
        self._parts, self._environment, self._logs, self._report = parts, environment, logs, report
        self._clock, self._probe = clock or SystemClock(), probe
        self._ready = {part.name: asyncio.Event() for part in parts}
        self._running: dict[str, PartProcess] = {}
        self._written: list[PartLog] = []
        self._stop, self._hurry = asyncio.Event(), asyncio.Event()
        self._warden: Warden | None = None

    def stop(self) -> None:
        """Ends everything; a second time, at once."""
        (self._hurry if self._stop.is_set() else self._stop).set()

    async def all_ready(self) -> None:
        """Waits until every part is ready."""
        for ready in self._ready.values():
            await ready.wait()

    async def run(self, when_ready: Callable[[], None] = lambda: None) -> None:
        """Runs until `stop`. Nothing is left running when this returns or raises, but for what this process had started before.

        Raises:
            CommandError: a part could not be started in the first place.
        """
        others = ending.children()
        ending.adopt_orphans()
        self._warden = await Warden.start()
        try:
            await self._keep_all(when_ready)
        finally:
            await asyncio.shield(self._end_all(spared=others))

    async def _keep_all(self, when_ready: Callable[[], None]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._keep(part)) for part in self._parts]
                tasks.append(group.create_task(self._announce(when_ready)))
                await self._stop.wait()
                for task in tasks:
                    task.cancel()
        except* CommandError as failures:
            raise failures.exceptions[0] from None

    async def _announce(self, when_ready: Callable[[], None]) -> None:
        await self.all_ready()
        when_ready()

    async def _keep(self, part: Part) -> None:
        """The life of one part."""
        for needed in part.after:
            await self._ready[needed].wait()
        log = PartLog(self._logs / f"{part.name}.log", partial(self._report.heard, part))
        self._written.append(log)
        backoff = Backoff()
        first = True
        while True:
            began = self._clock.monotonic()
            process = await self._start(part, log)
            if await self._until_ready(process, began, log, first=first):
                (self._report.ready if first else self._report.back)(part, self._clock.monotonic() - began)
                first = False
                self._ready[part.name].set()
            code = await process.wait()
            self._forget(process)
            delay = backoff.after(self._clock.monotonic() - began)
            self._report.died(part, code, log.last_line, delay)
            await self._clock.sleep(delay)

    async def _start(self, part: Part, log: PartLog) -> PartProcess:
        process = await PartProcess.start(part, self._environment, log)
        self._running[part.name] = process
        assert self._warden is not None
        self._warden.watch(process.group)
        return process

    def _forget(self, process: PartProcess) -> None:
        assert self._warden is not None
        self._warden.forget(process.group)
        self._running.pop(process.part.name, None)

    async def _until_ready(self, process: PartProcess, began: float, log: PartLog, *, first: bool) -> bool:
        """Waits until the part answers; False when it ended before.

        Raises:
            CommandError: on the first start, when it ended, or didn't answer for `START_LIMIT_SECONDS`.
        """
        patience = SLOW_AFTER_SECONDS
        while process.running:
            if await self._probe(process.part.health_url) and process.running:
                return True
            waited = self._clock.monotonic() - began
            if waited > patience:
                patience += SLOW_AFTER_SECONDS
                self._report.slow(process.part, waited)
            if first and waited > START_LIMIT_SECONDS:
                raise CommandError(
                    f"{process.part.name} was not ready after {START_LIMIT_SECONDS:.0f} s; its log is {log.path}."
                )
            await self._clock.sleep(readiness.INTERVAL_SECONDS)
        if first:
            raise _failure(process.part, await process.wait(), log)
        return False

    async def _end_all(self, *, spared: Collection[psutil.Process]) -> None:
        running = list(self._running.values())
        await ending.end(running, self._hurry)
        for process in running:
            self._forget(process)
        assert self._warden is not None
        await self._warden.dismiss()
        ending.kill_descendants(spared)
        for log in self._written:
            log.close()


def _failure(part: Part, code: int, log: PartLog) -> CommandError:
    """Why a part never came up; its own configuration errors (exit code 2) stay such."""
    words = last_words(log.last_line) if log.last_line else "it said nothing"
    kind = UsageError if code == UsageError.exit_code else CommandError
    return kind(f"{part.name} {how_it_ended(code)} before it was ready: {words}\nIts log is {log.path}.")
