"""The supervisor with small processes as parts."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from cli.errors import CommandError, UsageError
from cli.supervisor import log_files as logs
from cli.supervisor.parts import Part, Stage
from cli.supervisor.shutdown import GRACE_SECONDS
from cli.supervisor.supervisor import Supervisor
from cli.supervisor.terminal import TerminalOutput
from tests.product import free_ports

pytestmark = pytest.mark.integration

SCRIPT = Path(__file__).with_name("part.py")


class Diary(TerminalOutput):
    """An output that remembers the events."""

    def __init__(self) -> None:
        super().__init__(Console())
        self.events: list[tuple[str, str]] = []
        self.lines: list[str] = []
        self.changed = asyncio.Event()

    def _note(self, what: str, part: Part) -> None:
        self.events.append((what, part.name))
        self.changed.set()

    def ready(self, part: Part, seconds: float) -> None:
        self._note("ready", part)

    def slow(self, part: Part, seconds: float) -> None:
        self._note("slow", part)

    def died(self, part: Part, code: int, last_line: str, delay: float) -> None:
        self._note(f"died {code}", part)

    def back(self, part: Part, seconds: float) -> None:
        self._note("back", part)

    def logged(self, part: Part, line: str) -> None:
        self.lines.append(line)
        self.changed.set()

    async def until(self, what: str, name: str) -> None:
        await self._until(lambda: (what, name) in self.events)

    async def until_heard(self, line: str) -> None:
        await self._until(lambda: line in self.lines)

    async def _until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not reached():
                self.changed.clear()
                await self.changed.wait()


def part(name: str, *options: str, after: tuple[str, ...] = (), stage: Stage = Stage.SERVICES) -> Part:
    (port,) = free_ports(1)
    return Part(
        name=name,
        command=(sys.executable, str(SCRIPT), "--port", str(port), *options),
        health_url=f"http://127.0.0.1:{port}/health",
        where=str(port),
        ports=(),
        stage=stage,
        after=after,
    )


@asynccontextmanager
async def supervised(tmp_path: Path, *parts: Part) -> AsyncIterator[tuple[Supervisor, Diary]]:
    diary = Diary()
    supervisor = Supervisor(parts, dict(os.environ), tmp_path, diary)
    running = asyncio.create_task(supervisor.run())
    ready = asyncio.create_task(supervisor.all_ready())
    await asyncio.wait((running, ready), return_when=asyncio.FIRST_COMPLETED, timeout=30)
    ready.cancel()
    try:
        if not running.done():
            yield supervisor, diary
    finally:
        supervisor.stop()
        await running


def started_by_us() -> list[psutil.Process]:
    return [
        child for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE
    ]


async def test_parts_start_in_the_order_of_what_they_need(tmp_path: Path) -> None:
    async with supervised(tmp_path, part("page", after=("store",)), part("store")) as (_, diary):
        assert diary.events == [("ready", "store"), ("ready", "page")]


async def test_a_killed_part_is_restarted_and_reported(tmp_path: Path) -> None:
    parts = part("store"), part("page")
    async with supervised(tmp_path, *parts) as (_, diary):
        victim = next(child for child in started_by_us() if str(SCRIPT) in child.cmdline())
        name = "store" if parts[0].where in victim.cmdline() else "page"
        victim.kill()
        await diary.until("back", name)
        assert ("died -9", name) in diary.events


async def test_nothing_is_left_of_stubborn_parts_and_their_runaway_children(tmp_path: Path) -> None:
    before = set(started_by_us())
    mule = part("mule", "--stubborn", "--child", stage=Stage.CALLERS)
    async with supervised(tmp_path, mule, part("store", "--stubborn")):
        assert len(set(started_by_us()) - before) >= 4  # two parts, a grandchild, the reaper
    assert set(started_by_us()) - before == set()


@pytest.fixture
def started_before() -> Iterator[psutil.Process]:
    """A child process with a child of its own."""
    with subprocess.Popen(
        ["sh", "-c", "sleep 600 & echo started; wait"], stdout=subprocess.PIPE, text=True
    ) as shell:
        assert shell.stdout is not None
        assert shell.stdout.readline() == "started\n"
        process = psutil.Process(shell.pid)
        children = process.children()
        yield process
        for child in children:
            child.kill()


async def test_processes_started_before_are_left_alone(
    tmp_path: Path, started_before: psutil.Process
) -> None:
    before = {started_before, *started_before.children()}
    assert len(before) == 2
    async with supervised(tmp_path, part("store")):
        pass
    assert before <= set(started_by_us())


async def test_output_of_parts_is_in_their_logs_for_the_owner_alone(tmp_path: Path) -> None:
    async with supervised(tmp_path, part("store")) as (_, diary):
        pass
    log = tmp_path / "store.log"
    assert "plain text" in log.read_text()
    assert "plain text" in diary.lines
    assert log.stat().st_mode & 0o077 == 0


async def test_the_log_of_a_running_part_is_rotated_when_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MAX_FILE_BYTES", 20)
    async with supervised(tmp_path, part("store")) as (_, diary):
        await diary.until_heard("plain text")
    assert "low on tea" in (tmp_path / "store.log.1").read_text()
    assert (tmp_path / "store.log").read_text() == "plain text\n"


@pytest.mark.parametrize(("code", "error"), [(2, UsageError), (1, CommandError)])
async def test_a_part_that_never_starts_ends_everything_with_its_last_log_line(
    tmp_path: Path, code: int, error: type[CommandError]
) -> None:
    before = set(started_by_us())
    supervisor = Supervisor(
        [part("store"), part("page", "--fail", str(code))], dict(os.environ), tmp_path, Diary()
    )
    with pytest.raises(error, match="READBACK_SHOE_SIZE: must be a number") as failure:
        await supervisor.run()
    assert failure.value.exit_code == code
    assert set(started_by_us()) - before == set()


async def test_stopping_while_parts_still_start_leaves_nothing(tmp_path: Path) -> None:
    before = set(started_by_us())
    deaf = replace(part("deaf"), health_url="http://127.0.0.1:1/health")
    diary = Diary()
    supervisor = Supervisor([deaf, part("page", after=("deaf",))], dict(os.environ), tmp_path, diary)
    running = asyncio.create_task(supervisor.run())
    await diary.until_heard("plain text")
    supervisor.stop()
    await running
    assert set(started_by_us()) - before == set()
    assert not (tmp_path / "page.log").exists()


def test_shutdown_takes_less_than_five_seconds() -> None:
    assert sum(GRACE_SECONDS.values()) <= 3.0


async def test_a_second_stop_kills_all_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for stage in Stage:
        monkeypatch.setitem(GRACE_SECONDS, stage, 3600.0)
    before = set(started_by_us())
    async with supervised(
        tmp_path, part("mule", "--stubborn", stage=Stage.CALLERS), part("store", "--stubborn")
    ) as (supervisor, _):
        supervisor.stop()
        supervisor.stop()
    assert set(started_by_us()) - before == set()


def test_no_part_survives_a_killed_supervisor(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    script = f"""
import asyncio, os
from pathlib import Path
from cli.supervisor.parts import Part, Stage
from cli.supervisor.supervisor import Supervisor
from cli.supervisor.terminal import TerminalOutput
from rich.console import Console
command = ({sys.executable!r}, {str(SCRIPT)!r}, "--port", "{port}", "--stubborn")
part = Part("mule", command, "http://127.0.0.1:{port}/", "", (), Stage.SERVICES)
supervisor = Supervisor([part], dict(os.environ), Path({str(tmp_path)!r}), TerminalOutput(Console()))
asyncio.run(supervisor.run(lambda: print("up", flush=True)))
"""
    supervisor = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    with supervisor.stdout as output:
        assert "up" in iter(lambda: output.readline().strip(), None)
        children = psutil.Process(supervisor.pid).children(recursive=True)
        assert len(children) >= 2
        supervisor.send_signal(signal.SIGKILL)
        supervisor.wait()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
