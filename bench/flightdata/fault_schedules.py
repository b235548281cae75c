"""Random fault schedules of a provider that has a healthy alternative, on a virtual clock."""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from mesh.clock import Clock
from services.flightdata.model.flights import FlightStatus
from services.flightdata.model.queries import FlightQuery
from services.flightdata.model.search_results import Found
from services.flightdata.providers.budgets import Meter, Plan
from services.flightdata.providers.errors import (
    ProviderBadAnswer,
    ProviderError,
    ProviderRateLimited,
    ProviderUnavailable,
)
from services.flightdata.providers.health import ProviderHealth
from services.flightdata.providers.protocol import Capability, Direction
from services.flightdata.providers.routing import Answered, ProviderRouter
from services.flightdata.quota.store import MemoryQuotaStore, SharedState
from tests.simulated_clock import SimulatedClock

T = TypeVar("T")
BEGIN = datetime(2026, 11, 23, 12, tzinfo=UTC)
SETTLE_TURNS = 25
"""After this number of event-loop turns without progress, only the clock can wake a task."""
REQUESTS = 150
MOST_CONCURRENT = 7
FAULTS = ("healthy", "down", "hung", "malformed", "rate limited")


class VirtualClock(SimulatedClock):
    """A clock that jumps to the next wake-up time of a sleeping task when all tasks are idle."""

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end, advancing the clock as needed, and return its result."""
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
    """A provider with a schedule of (start in seconds, fault), sorted by start."""

    is_sample = False

    def __init__(
        self, name: str, schedule: Sequence[tuple[float, str]], meter: Meter, clock: Clock, latency: float
    ) -> None:
        self.name, self.calls = name, 0
        self._schedule, self._meter, self._clock, self._latency = schedule, meter, clock, latency

    def capabilities(self) -> frozenset[Capability]:
        """Return status only."""
        return frozenset({Capability.STATUS})

    async def status(self, flight: str, day: date | None) -> Sequence[FlightStatus]:  # noqa: ARG002 -- the answer is always empty
        """Return no rows after a delay, or raise the scheduled error."""
        await self._meter.pay("status")
        self.calls += 1
        fault = next(fault for since, fault in reversed(self._schedule) if since <= self._clock.monotonic())
        await self._clock.sleep(35 if fault == "hung" else self._latency)
        match fault:
            case "down" | "hung":
                raise ProviderUnavailable(self.name, fault)
            case "malformed":
                raise ProviderBadAnswer(self.name, fault)
            case "rate limited":
                raise ProviderRateLimited(self.name, fault, retry_after=timedelta(seconds=30))
        return ()

    async def search(self, query: FlightQuery) -> Found:
        """Raise NotImplementedError, because the schedules never call it."""
        raise NotImplementedError

    async def route_status(self, origin: str, destination: str, day: date) -> Sequence[FlightStatus]:
        """Raise NotImplementedError, because the schedules never call it."""
        raise NotImplementedError

    async def board(self, airport: str, direction: Direction, day: date) -> Sequence[FlightStatus]:
        """Raise NotImplementedError, because the schedules never call it."""
        raise NotImplementedError


class Observed(ProviderHealth):
    """Provider health that counts the requests during an open breaker, and how many of them were probes."""

    while_open = 0
    probes = 0

    def refusal(self, capability: Capability, *, last_resort: bool = False) -> ProviderError | None:
        """Count the request and return what `ProviderHealth` returns."""
        was_open = self.breakers[capability].is_open
        refused = super().refusal(capability, last_resort=last_resort)
        self.while_open += was_open and not last_resort
        self.probes += was_open and refused is None
        return refused


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts over a schedule's requests.

    `while_open` counts the requests while the faulty provider's breaker was open. `probes` counts those of
    them that were still sent to it.
    """

    requests: int = 0
    answered: int = 0
    while_open: int = 0
    probes: int = 0
    over_budget: int = 0

    def __add__(self, other: Tally) -> Tally:
        """Return the sums of both tallies."""
        return Tally(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def holds(self) -> bool:
        """True if at least 99.9 % were answered, at most 5 % were probes, and no budget was exceeded."""
        answered = self.answered >= 0.999 * self.requests
        return answered and self.probes <= max(1, 0.05 * self.while_open) and not self.over_budget


async def schedule(seed: int, requests: int = REQUESTS) -> Tally:
    """Run the random schedule of a seed and return its counts."""
    dice = random.Random(seed)
    clock = VirtualClock(BEGIN)
    quota = MemoryQuotaStore(clock)
    faults = [(0.0, dice.choice(FAULTS))]
    while faults[-1][0] < requests * 3:
        faults.append((faults[-1][0] + dice.expovariate(1 / 120), dice.choice(FAULTS)))
    budget = dice.choice([20, 60, 10_000])
    meters = {
        name: Meter(name, "key", Plan(monthly), quota, clock)
        for name, monthly in {"faulty": budget, "healthy": 0}.items()
    }
    faulty = Faulty("faulty", faults, meters["faulty"], clock, dice.uniform(0.05, 2))
    healthy = Faulty("healthy", [(0.0, "healthy")], meters["healthy"], clock, dice.uniform(0.05, 5))
    health = {
        name: Observed(name, clock, SharedState(quota, f"health:{name}", clock, timedelta(days=1)), meter)
        for name, meter in meters.items()
    }
    order = [faulty, healthy] if dice.random() < 0.7 else [healthy, faulty]
    router = ProviderRouter(order, clock, health)
    answered = 0
    for concurrent in _bursts(dice, requests):
        answered += await clock.run(_answered(router, concurrent))
        await clock.run(clock.sleep(dice.expovariate(0.5)))
    seen = health["faulty"]
    return Tally(requests, answered, seen.while_open, seen.probes, max(0, faulty.calls - budget))


def _bursts(dice: random.Random, requests: int) -> Iterator[int]:
    """Yield sizes of bursts, in sum `requests`: mostly one and sometimes several concurrent requests."""
    while requests:
        concurrent = min(requests, dice.choice((1, 1, 1, 2, MOST_CONCURRENT)))
        requests -= concurrent
        yield concurrent


async def _answered(router: ProviderRouter, concurrent: int) -> int:
    """Send equal concurrent requests and count the answers."""
    return sum(await asyncio.gather(*(send_request(router) for _ in range(concurrent))))


async def send_request(router: ProviderRouter) -> bool:
    """Ask for a flight's status and return True if a provider answered."""
    events = router.ask(
        Capability.STATUS, lambda provider: provider.status("AI1", None), empty=lambda _: False
    )
    return any([isinstance(event, Answered) async for event in events])
