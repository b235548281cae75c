"""Which provider is asked, and what it means when some of them fail.

Those that can, by what is wanted, budget and order; a second beside a first that is slow. The first that has something answers. "There
are none" is believed only when every provider that could know said so; one that failed might have known better, so then nobody knows.
Invented flights are never the way out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Generic, TypeVar

import structlog

from mesh.clock import Clock
from mesh.errors import DomainError
from services.flightdata.errors import (
    FlightNotFound,
    FlightsQuotaExhausted,
    FlightsRestricted,
    FlightsUnavailable,
)
from services.flightdata.providers.health import ProviderHealth
from services.flightdata.providers.hedging import Started, race
from services.flightdata.providers.protocol import Capability, FlightProvider
from services.flightdata.providers.provider_errors import (
    Problem,
    ProviderError,
    ProviderQuotaExhausted,
    ProviderRestricted,
    ProviderUnavailable,
)

T = TypeVar("T")
RETRY_AFTER = timedelta(seconds=30)
"""When to try again when no provider says."""
HEDGE_SECONDS = 2.5
"""How long the first may take before a second is asked as well."""
NEARLY_USED_UP, ENOUGH_TO_HEDGE = 0.05, 0.25
"""Shares of a budget: with less a provider is asked after the others, with more it may be asked to save seconds."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """A provider is being asked, or has finished; `problem` is how it failed."""

    provider: str
    finished: bool
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Answered(Generic[T]):
    """What was answered, and who answered it; `cached_at` is when, if that was an earlier question."""

    value: T
    provider: FlightProvider
    cached_at: datetime | None = None


Call = Callable[[FlightProvider], Awaitable[T]]


@dataclass
class _Asking(Generic[T]):
    """What has been heard in answer to one question."""

    empty: Callable[[T], bool]
    failures: dict[str, ProviderError] = field(default_factory=dict)
    left_alone: list[FlightProvider] = field(default_factory=list)
    nothing: list[Answered[T]] = field(default_factory=list)
    unknown: list[FlightNotFound] = field(default_factory=list)

    def heard(
        self, provider: FlightProvider, outcome: T | ProviderError | FlightNotFound
    ) -> Answered[T] | None:
        """The answer, when the outcome is one; otherwise it is kept with its like."""
        self.failures.pop(provider.name, None)
        if isinstance(outcome, ProviderError):
            self.failures[provider.name] = outcome
        elif isinstance(outcome, FlightNotFound):
            self.unknown.append(outcome)
        elif self.empty(outcome):
            self.nothing.append(Answered(outcome, provider))
        else:
            return Answered(outcome, provider)
        return None

    def settled(self) -> Answered[T]:
        """What it means that nobody has anything. Raises it, when that is an error."""
        if all(isinstance(error, ProviderRestricted) for error in self.failures.values()):
            if self.nothing:
                return self.nothing[0]
            if self.unknown:
                raise self.unknown[0]
        raise _nobody(self.failures)


class ProviderRouter:
    """Asks providers, in the order given where nothing speaks against it."""

    def __init__(
        self,
        providers: Sequence[FlightProvider],
        clock: Clock,
        health: Mapping[str, ProviderHealth] | None = None,
        hedge_seconds: float = HEDGE_SECONDS,
    ) -> None:
        self.providers = tuple(providers)
        self.health = health or {
            provider.name: ProviderHealth(provider.name, clock) for provider in providers
        }
        self._clock = clock
        self._hedge_seconds = hedge_seconds

    async def ask(
        self,
        capability: Capability,
        call: Call[T],
        *,
        empty: Callable[[T], bool],
        rather: Capability | None = None,
    ) -> AsyncIterator[Progress | Answered[T]]:
        """Progress as providers are asked, then the answer, once and last. Those that can do `rather` too are asked first.

        Raises:
            FlightNotFound: every provider that could know says so.
            FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: nobody could answer.
        """
        await self._hear()
        asking = _Asking[T](empty)
        ranked = sorted(self.providers, key=lambda provider: self._rank(provider, rather))
        # Those left alone for failing are asked after all, when nobody else had anything.
        for candidates, last_resort in ((ranked, False), (asking.left_alone, True)):
            rivals = race(
                candidates,
                partial(self._outcome, capability=capability, call=call),
                admit=partial(self._admitted, capability=capability, asking=asking, last_resort=last_resort),
                hedge=partial(self._may_hedge, rather=rather),
                wait=lambda: self._clock.sleep(self._hedge_seconds),
            )
            async with aclosing(rivals):
                async for event in rivals:
                    if isinstance(event, Started):
                        yield Progress(event.runner.name, finished=False)
                        continue
                    yield Progress(event.runner.name, finished=True, problem=_problem(event.outcome))
                    if answer := asking.heard(event.runner, event.outcome):
                        for slow in event.overtaken:
                            yield Progress(slow.name, finished=True, problem=Problem.UNAVAILABLE)
                            await self.health[slow.name].overtaken(capability)
                        yield answer
                        return
        yield asking.settled()

    def would_begin_with(
        self, capability: Capability, rather: Capability | None = None
    ) -> FlightProvider | None:
        """Who would be asked first for what `ask` would be asked; None when nobody can be. It counts as no question."""
        ranked = sorted(self.providers, key=lambda provider: self._rank(provider, rather))
        able = (provider for provider in ranked if capability in provider.capabilities())
        return next(
            (provider for provider in able if self.health[provider.name].foreseen(capability) is None), None
        )

    async def ask_one(self, name: str, capability: Capability, call: Call[T]) -> T:
        """The answer of one provider, which must be among `providers`.

        Raises:
            FlightNotFound: it says so.
            FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: it could not answer.
        """
        provider = next(provider for provider in self.providers if provider.name == name)
        await self._hear()
        if refused := self._refused(provider, capability, last_resort=True):
            raise _nobody({name: refused})
        outcome = await self._outcome(provider, capability, call)
        if isinstance(outcome, ProviderError):
            raise _nobody({name: outcome})
        if isinstance(outcome, FlightNotFound):
            raise outcome
        return outcome

    async def _hear(self) -> None:
        for health in self.health.values():
            await health.hear()

    def _rank(self, provider: FlightProvider, rather: Capability | None) -> tuple[bool, bool]:
        """What speaks against asking a provider first; those with equal ranks keep their order."""
        health = self.health[provider.name]
        wanted = rather is None or rather in provider.capabilities()
        return not wanted, health.remaining is not None and health.remaining.share < NEARLY_USED_UP

    def _may_hedge(self, provider: FlightProvider, rather: Capability | None) -> bool:
        """Whether seconds are worth a provider's budget, and its answer what is wanted."""
        remaining = self.health[provider.name].remaining
        affordable = remaining is None or remaining.share >= ENOUGH_TO_HEDGE
        return affordable and (rather is None or rather in provider.capabilities())

    def _admitted(
        self, provider: FlightProvider, *, capability: Capability, asking: _Asking[T], last_resort: bool
    ) -> bool:
        refused = self._refused(provider, capability, last_resort=last_resort)
        if refused:
            asking.failures[provider.name] = refused
        if isinstance(refused, ProviderUnavailable) and not last_resort:
            asking.left_alone.append(provider)
        return refused is None

    def _refused(
        self, provider: FlightProvider, capability: Capability, *, last_resort: bool
    ) -> ProviderError | None:
        if capability not in provider.capabilities():
            return ProviderRestricted(provider.name, capability.value)
        return self.health[provider.name].refusal(capability, last_resort=last_resort)

    async def _outcome(
        self, provider: FlightProvider, capability: Capability, call: Call[T]
    ) -> T | ProviderError | FlightNotFound:
        try:
            answer = await call(provider)
        except ProviderError as error:
            await self._failed(provider, capability, error)
            return error
        except FlightNotFound as error:
            await self.health[provider.name].succeeded(capability)
            return error
        await self.health[provider.name].succeeded(capability)
        return answer

    async def _failed(self, provider: FlightProvider, capability: Capability, error: ProviderError) -> None:
        await self.health[provider.name].failed(capability, error)
        _log.warning(
            "a provider of flights failed",
            provider=provider.name,
            problem=error.problem.value,
            detail=error.detail,
        )


def _problem(outcome: object) -> Problem | None:
    return outcome.problem if isinstance(outcome, ProviderError) else None


def _nobody(failures: dict[str, ProviderError]) -> DomainError:
    """The error for a request that no provider answered."""
    problems = {name: error.problem.value for name, error in failures.items()}
    exhausted = [error for error in failures.values() if isinstance(error, ProviderQuotaExhausted)]
    if all(isinstance(error, ProviderRestricted) for error in failures.values()):
        return FlightsRestricted(problems)
    if all(isinstance(error, ProviderRestricted | ProviderQuotaExhausted) for error in failures.values()):
        return FlightsQuotaExhausted(problems, until=min(error.until for error in exhausted))
    waits = [error.retry_after for error in failures.values() if error.retry_after]
    return FlightsUnavailable(problems, retry_after=min(waits, default=RETRY_AFTER))
