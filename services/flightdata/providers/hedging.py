"""Hedged requests: ask providers one after another, but ask the next one early if the current one is slow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

R = TypeVar("R")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Started(Generic[R]):
    """Event: a runner started."""

    runner: R


@dataclass(frozen=True, slots=True)
class Finished(Generic[R, Outcome]):
    """Event: a runner finished. The runners in `overtaken` started earlier and are still running."""

    runner: R
    outcome: Outcome
    overtaken: Sequence[R]


async def race(
    runners: Sequence[R],
    run: Callable[[R], Coroutine[Any, Any, Outcome]],
    *,
    admit: Callable[[R], bool],
    hedge: Callable[[R], bool],
    wait: Callable[[], Coroutine[Any, Any, None]],
) -> AsyncGenerator[Started[R] | Finished[R, Outcome], None]:
    """Start the runners in order and yield their events.

    The next runner starts when no runner is running. It starts earlier, after `wait`, if `hedge` returns True
    for it. Before a runner starts, `admit` is called once for it; if `admit` returns False, the runner is
    skipped. Closing the generator cancels the runners that are still running.
    """
    waiting = list(runners)
    running: dict[asyncio.Task[Outcome], R] = {}
    alarm: asyncio.Task[None] | None = None
    try:
        while waiting or running:
            if waiting and (not running or (alarm is not None and alarm.done())):
                runner = waiting.pop(0)
                _cancel(alarm)
                alarm = None
                if not admit(runner):
                    continue
                yield Started(runner)
                running[asyncio.create_task(run(runner))] = runner
            if alarm is None and waiting and hedge(waiting[0]):
                alarm = asyncio.create_task(wait())
            awaited: set[asyncio.Task[Any]] = {*running, *([alarm] if alarm else [])}
            if awaited:
                await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in running if task.done()]:
                order = list(running)
                earlier = tuple(running[other] for other in order[: order.index(task)])
                yield Finished(running.pop(task), task.result(), earlier)
    finally:
        _cancel(alarm)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _cancel(alarm: asyncio.Task[None] | None) -> None:
    if alarm is not None:
        alarm.cancel()
