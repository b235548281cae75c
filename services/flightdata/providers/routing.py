"""Choice of the provider for a request, and one result from the outcomes of several providers.

Providers are asked in order of preference and budget. If a provider is slow, the next one is asked in
parallel. The first non-empty answer is returned. An empty answer is returned only if every provider that
supports the request answers; if one of them failed, the result is an error. Sample flights are never a
fallback.
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
from services.flightdata.model.flights import Provenance
from services.flightdata.providers.errors import (
    Problem,
    ProviderError,
    ProviderQuotaExhausted,
    ProviderRestricted,
    ProviderUnavailable,
)
from services.flightdata.providers.health import ProviderHealth
from services.flightdata.providers.hedging import Started, race
from services.flightdata.providers.protocol import Capability, FlightProvider

T = TypeVar("T")
RETRY_AFTER = timedelta(seconds=30)
"""Time to wait before a retry if no provider states one."""
HEDGE_SECONDS = 2.5
"""Time without an answer before a second provider is asked in parallel."""
NEARLY_USED_UP, ENOUGH_TO_HEDGE = 0.05, 0.25
"""Shares of the budget that is left. Below the first, a provider is asked last; hedging needs the second."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """Event: a provider was asked, or has `finished`. `problem` is the provider's failure, if any."""

    provider: str
    finished: bool
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Answered(Generic[T]):
    """A provider's answer and its provenance. An empty answer has a provenance too."""

    value: T
    provenance: Provenance


Call = Callable[[FlightProvider], Awaitable[T]]


@dataclass
class _Outcomes(Generic[T]):
    """Outcomes of one request from the providers asked so far."""

    empty: Callable[[T], bool]
    clock: Clock
    failures: dict[str, ProviderError] = field(default_factory=dict)
    skipped: list[FlightProvider] = field(default_factory=list)
    empty_answers: list[Answered[T]] = field(default_factory=list)
    unknown: list[FlightNotFound] = field(default_factory=list)

    def add(
        self, provider: FlightProvider, outcome: T | ProviderError | FlightNotFound
    ) -> Answered[T] | None:
        """Record an outcome, and return it if it is a non-empty answer."""
        self.failures.pop(provider.name, None)
        if isinstance(outcome, ProviderError):
            self.failures[provider.name] = outcome
        elif isinstance(outcome, FlightNotFound):
            self.unknown.append(outcome)
        elif self.empty(outcome):
            self.empty_answers.append(self._answered(provider, outcome))
        else:
            return self._answered(provider, outcome)
        return None

    def _answered(self, provider: FlightProvider, value: T) -> Answered[T]:
        return Answered(value, Provenance(provider.name, self.clock.now(), sample=provider.is_sample))

    def result(self) -> Answered[T]:
        """Return an empty answer or raise an error. Call it only if no provider gave a non-empty answer."""
        if all(isinstance(error, ProviderRestricted) for error in self.failures.values()):
            if self.empty_answers:
                return self.empty_answers[0]
            if self.unknown:
                raise self.unknown[0]
        raise _combined(self.failures, self.clock.now())


class ProviderRouter:
    """Sends requests to several providers. The providers are given in order of preference."""

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

    @property
    def is_free(self) -> bool:
        """True if no provider costs anything."""
        return all(provider.is_sample for provider in self.providers)

    async def ask(
        self,
        capability: Capability,
        call: Call[T],
        *,
        empty: Callable[[T], bool],
        prefer: Capability | None = None,
    ) -> AsyncIterator[Progress | Answered[T]]:
        """Yield progress, then the answer as the last event.

        Providers that also support `prefer` are asked first.

        Raises:
            FlightNotFound: every provider that supports the request answered, and none knows the flight.
            FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: no provider could answer.
        """
        await self._refresh()
        outcomes = _Outcomes[T](empty, self._clock)
        ranked = sorted(self.providers, key=lambda provider: self._rank(provider, prefer))
        # If no other provider has an answer, ask the providers that were skipped for recent failures.
        for candidates, last_resort in ((ranked, False), (outcomes.skipped, True)):
            rivals = race(
                candidates,
                partial(self._outcome, capability=capability, call=call),
                admit=partial(
                    self._admitted, capability=capability, outcomes=outcomes, last_resort=last_resort
                ),
                hedge=partial(self._may_hedge, prefer=prefer),
                wait=lambda: self._clock.sleep(self._hedge_seconds),
            )
            async with aclosing(rivals):
                async for event in rivals:
                    if isinstance(event, Started):
                        yield Progress(event.runner.name, finished=False)
                        continue
                    problem = event.outcome.problem if isinstance(event.outcome, ProviderError) else None
                    yield Progress(event.runner.name, finished=True, problem=problem)
                    if answer := outcomes.add(event.runner, event.outcome):
                        for slow in event.overtaken:
                            yield Progress(slow.name, finished=True, problem=Problem.UNAVAILABLE)
                            await self.health[slow.name].overtaken(capability)
                        yield answer
                        return
        yield outcomes.result()

    def first_choice(self, capability: Capability, prefer: Capability | None = None) -> FlightProvider | None:
        """Return the provider that `ask` would ask first, or None. Don't count a request in its breaker."""
        for provider in sorted(self.providers, key=lambda provider: self._rank(provider, prefer)):
            able = capability in provider.capabilities()
            if able and not self.health[provider.name].would_refuse(capability):
                return provider
        return None

    async def ask_one(self, name: str, capability: Capability, call: Call[T]) -> T:
        """Return the answer of the provider called `name`.

        Raises:
            FlightNotFound: the provider doesn't know the flight.
            FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: the provider could not answer.
        """
        provider = next(provider for provider in self.providers if provider.name == name)
        await self._refresh()
        if refused := self._refused(provider, capability, last_resort=True):
            raise _combined({name: refused}, self._clock.now())
        outcome = await self._outcome(provider, capability, call)
        if isinstance(outcome, ProviderError):
            raise _combined({name: outcome}, self._clock.now())
        if isinstance(outcome, FlightNotFound):
            raise outcome
        return outcome

    async def _refresh(self) -> None:
        for health in self.health.values():
            await health.refresh()

    def _rank(self, provider: FlightProvider, prefer: Capability | None) -> tuple[bool, bool]:
        """Return a provider's sort key: providers with `prefer` first, nearly used-up budgets last."""
        remaining = self.health[provider.name].remaining
        preferred = prefer is None or prefer in provider.capabilities()
        return not preferred, remaining is not None and remaining.share < NEARLY_USED_UP

    def _may_hedge(self, provider: FlightProvider, prefer: Capability | None) -> bool:
        """Return whether a provider has enough budget for a hedged request and supports `prefer`."""
        remaining = self.health[provider.name].remaining
        affordable = remaining is None or remaining.share >= ENOUGH_TO_HEDGE
        return affordable and (prefer is None or prefer in provider.capabilities())

    def _admitted(
        self, provider: FlightProvider, *, capability: Capability, outcomes: _Outcomes[T], last_resort: bool
    ) -> bool:
        refused = self._refused(provider, capability, last_resort=last_resort)
        if refused:
            outcomes.failures[provider.name] = refused
        if isinstance(refused, ProviderUnavailable) and not last_resort:
            outcomes.skipped.append(provider)
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
        health = self.health[provider.name]
        outcome: T | FlightNotFound
        try:
            outcome = await call(provider)
        except ProviderError as error:
            await health.failed(capability, error)
            _log.warning(
                "provider failed", provider=provider.name, problem=error.problem.value, detail=error.detail
            )
            return error
        except FlightNotFound as error:
            outcome = error
        await health.succeeded(capability)
        return outcome


def _combined(failures: dict[str, ProviderError], now: datetime) -> DomainError:
    """Return the error for a request that no provider answered."""
    problems = {name: error.problem.name for name, error in failures.items()}
    exhausted = [error for error in failures.values() if isinstance(error, ProviderQuotaExhausted)]
    if all(isinstance(error, ProviderRestricted) for error in failures.values()):
        return FlightsRestricted(problems)
    if all(isinstance(error, ProviderRestricted | ProviderQuotaExhausted) for error in failures.values()):
        return FlightsQuotaExhausted(problems, renews=min(error.until for error in exhausted), now=now)
    waits = [error.retry_after for error in failures.values() if error.retry_after]
    return FlightsUnavailable(problems, retry_after=min(waits, default=RETRY_AFTER))
