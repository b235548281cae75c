"""Random schedules of a provider's faults beside one that is well, on a virtual clock: who is asked, and whether questions are answered."""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from mesh.clock import Clock
from services.flightdata.model.flights import FlightStatus
from services.flightdata.model.found import Found
from services.flightdata.model.queries import FlightQuery
from services.flightdata.providers.budgets import Meter, Plan
from services.flightdata.providers.health import ProviderHealth
from services.flightdata.providers.protocol import Capability, Direction
from services.flightdata.providers.provider_errors import (
    ProviderBadAnswer,
    ProviderError,
    ProviderRateLimited,
    ProviderUnavailable,
)
from services.flightdata.providers.routing import Answered, ProviderRouter
from services.flightdata.quota.shared_state import SharedNote
from services.flightdata.quota.store import MemoryLedger

T = TypeVar("T")
BEGIN = datetime(2026, 11, 23, 12, tzinfo=UTC)
SETTLE_TURNS = 25
"""Turns of the loop after which nobody moves but for the clock."""
QUESTIONS = 150
MOST_AT_ONCE = 7
FAULTS = ("well", "down", "hung", "nonsense", "too often")


class VirtualClock:
    """A clock that jumps to the next who waits, once nobody else has anything to do."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> datetime:
        """The wall clock."""
        return BEGIN + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Seconds since the beginning."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Waits until the clock has come so far."""
        self._count += 1
        until: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, self._count, until))
        await until

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What comes of some work, with the clock jumping ahead for it."""
        task = asyncio.create_task(work)
        while not task.done():
            for _ in range(SETTLE_TURNS):
                await asyncio.sleep(0)
            if not task.done() and self._sleepers:
                self._elapsed, _, until = heapq.heappop(self._sleepers)
                if not until.done():
                    until.set_result(None)
        return task.result()


class Faulty:
    """A provider that does at each moment as its schedule says: moments from which a fault holds, in order."""

    is_sample = False

    def __init__(
        self, name: str, schedule: Sequence[tuple[float, str]], meter: Meter, clock: Clock, latency: float
    ) -> None:
        self.name, self.calls = name, 0
        self._schedule, self._meter, self._clock, self._latency = schedule, meter, clock, latency

    def capabilities(self) -> frozenset[Capability]:
        """Status only."""
        return frozenset({Capability.STATUS})

    async def status(self, flight: str, day: date | None) -> Sequence[FlightStatus]:  # noqa: ARG002 -- it answers nothing in particular
        """Nothing, after a while, or a failure."""
        await self._meter.pay("status")
        self.calls += 1
        fault = next(fault for since, fault in reversed(self._schedule) if since <= self._clock.monotonic())
        await self._clock.sleep(35 if fault == "hung" else self._latency)
        match fault:
            case "down" | "hung":
                raise ProviderUnavailable(self.name, fault)
            case "nonsense":
                raise ProviderBadAnswer(self.name, fault)
            case "too often":
                raise ProviderRateLimited(self.name, fault, retry_after=timedelta(seconds=30))
        return ()

    async def search(self, query: FlightQuery) -> Found:
        """Not asked."""
        raise NotImplementedError

    async def route_status(self, origin: str, destination: str, day: date) -> Sequence[FlightStatus]:
        """Not asked."""
        raise NotImplementedError

    async def board(self, airport: str, direction: Direction, day: date) -> Sequence[FlightStatus]:
        """Not asked."""
        raise NotImplementedError


class Observed(ProviderHealth):
    """Counts the questions that came while the breaker was open, and those that were let through all the same."""

    while_open = 0
    probes = 0

    def refusal(self, capability: Capability, *, last_resort: bool = False) -> ProviderError | None:
        """As ever."""
        was_open = self.breakers[capability].is_open
        refused = super().refusal(capability, last_resort=last_resort)
        self.while_open += was_open and not last_resort
        self.probes += was_open and refused is None
        return refused


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the questions. `while_open` of them came while the sick one's breaker was open; `probes` went to it all the same."""

    questions: int = 0
    answered: int = 0
    while_open: int = 0
    probes: int = 0
    over_budget: int = 0

    def __add__(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(
            self.questions + other.questions,
            self.answered + other.answered,
            self.while_open + other.while_open,
            self.probes + other.probes,
            self.over_budget + other.over_budget,
        )

    @property
    def holds(self) -> bool:
        """Whether 99.9 % were answered, 5 % at most went to whom a breaker keeps them from, and no budget was exceeded."""
        answered = self.answered >= 0.999 * self.questions
        return answered and self.probes <= max(1, 0.05 * self.while_open) and not self.over_budget


async def schedule(seed: int, questions: int = QUESTIONS) -> Tally:
    """One random schedule, the same for the same seed."""
    dice = random.Random(seed)
    clock = VirtualClock()
    ledger = MemoryLedger(clock)
    faults = [(0.0, dice.choice(FAULTS))]
    while faults[-1][0] < questions * 3:
        faults.append((faults[-1][0] + dice.expovariate(1 / 120), dice.choice(FAULTS)))
    budget = dice.choice([20, 60, 10_000])
    meters = {
        name: Meter(name, "key", Plan(monthly), ledger, clock)
        for name, monthly in {"sick": budget, "well": 0}.items()
    }
    sick = Faulty("sick", faults, meters["sick"], clock, dice.uniform(0.05, 2))
    well = Faulty("well", [(0.0, "well")], meters["well"], clock, dice.uniform(0.05, 5))
    health = {
        name: Observed(name, clock, SharedNote(ledger, f"health:{name}", clock, timedelta(days=1)), meter)
        for name, meter in meters.items()
    }
    router = ProviderRouter([sick, well] if dice.random() < 0.7 else [well, sick], clock, health)
    answered = 0
    for at_once in _bursts(dice, questions):
        answered += await clock.run(_questions(router, at_once))
        await clock.run(clock.sleep(dice.expovariate(0.5)))
    return Tally(
        questions, answered, health["sick"].while_open, health["sick"].probes, max(0, sick.calls - budget)
    )


def _bursts(dice: random.Random, questions: int) -> Iterator[int]:
    """How many ask at once, one after the other: mostly one, and now and then several."""
    while questions:
        at_once = min(questions, dice.choice((1, 1, 1, 2, MOST_AT_ONCE)))
        questions -= at_once
        yield at_once


async def _questions(router: ProviderRouter, at_once: int) -> int:
    """How many of so many equal questions are answered."""
    return sum(await asyncio.gather(*(_question(router) for _ in range(at_once))))


async def _question(router: ProviderRouter) -> bool:
    asked = router.ask(
        Capability.STATUS, lambda provider: provider.status("AI1", None), empty=lambda _: False
    )
    return any([isinstance(event, Answered) async for event in asked])
