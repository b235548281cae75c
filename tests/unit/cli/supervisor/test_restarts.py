"""Crashed parts are restarted with back-off, on a clock that the test moves."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from cli.supervisor.parts import Part, Stage
from cli.supervisor.restart_backoff import LONGEST_SECONDS, RESET_AFTER_SECONDS, RestartBackoff
from cli.supervisor.supervisor import Supervisor
from cli.supervisor.terminal import TerminalOutput
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit


def test_delays_double_up_to_a_limit() -> None:
    backoff = RestartBackoff()
    delays = [backoff.delay_after(1) for _ in range(9)]
    assert delays[:4] == [0.5, 1, 2, 4]
    assert delays[-1] == LONGEST_SECONDS


def test_a_long_run_resets_the_delay() -> None:
    backoff = RestartBackoff()
    for _ in range(5):
        backoff.delay_after(1)
    assert backoff.delay_after(RESET_AFTER_SECONDS) == 0.5


class Deaths(TerminalOutput):
    """An output that remembers the delay before each restart."""

    def __init__(self) -> None:
        super().__init__(Console())
        self.delays: asyncio.Queue[float] = asyncio.Queue()

    def ready(self, part: Part, seconds: float) -> None: ...

    def slow(self, part: Part, seconds: float) -> None: ...

    def back(self, part: Part, seconds: float) -> None: ...

    def logged(self, part: Part, line: str) -> None: ...

    def died(self, part: Part, code: int, last_line: str, delay: float) -> None:
        self.delays.put_nowait(delay)


async def always(_url: str) -> bool:
    return True


async def test_a_part_that_keeps_crashing_is_restarted_after_longer_delays(tmp_path: Path) -> None:
    clock, deaths = SimulatedClock(datetime(2027, 1, 1, tzinfo=UTC)), Deaths()
    mayfly = Part("mayfly", (sys.executable, "-c", ""), "", "", (), Stage.SERVICES)
    supervisor = Supervisor([mayfly], {}, tmp_path, deaths, clock=clock, probe=always)
    running = asyncio.create_task(supervisor.run())
    seen = []
    for _ in range(4):
        delay = await asyncio.wait_for(deaths.delays.get(), 20)
        seen.append(delay)
        clock.advance(delay)
    supervisor.stop()
    await running
    assert seen == [0.5, 1.0, 2.0, 4.0]
