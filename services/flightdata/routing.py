"""Which provider is asked, and what it means when some of them fail.

In order, each that can: the first that has something answers. "There are none" is believed only when every provider that could know
said so; one that failed might have known better, so then nobody knows. Invented flights are never the way out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

import structlog

from mesh.clock import Clock
from mesh.errors import DomainError
from services.flightdata.errors import FlightNotFound, FlightsQuotaExhausted, FlightsRestricted, FlightsUnavailable
from services.flightdata.provider_errors import (
    Problem,
    ProviderError,
    ProviderQuotaExhausted,
    ProviderRestricted,
)
from services.flightdata.provider_health import ProviderHealth
from services.flightdata.providers import Capability, FlightProvider

T = TypeVar("T")
RETRY_AFTER = timedelta(seconds=30)
"""When to try again when no provider says."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """A provider is being asked, or has finished; `problem` is how it failed."""

    provider: str
    finished: bool
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Answered(Generic[T]):
    """What was answered, and who answered it."""

    value: T
    provider: FlightProvider


class ProviderRouter:
    """Asks providers in the order given."""

    def __init__(self, providers: Sequence[FlightProvider], clock: Clock) -> None:
        self.providers = tuple(providers)
        self.health = {provider.name: ProviderHealth() for provider in providers}
        self._clock = clock

    async def ask(
        self,
        capability: Capability,
        call: Callable[[FlightProvider], Awaitable[T]],
        *,
        empty: Callable[[T], bool],
        rather: Capability | None = None,
    ) -> AsyncIterator[Progress | Answered[T]]:
        """Progress as providers are asked, then the answer, once and last. Those that can do `rather` too are asked first.

        Raises:
            FlightNotFound: every provider that could know says so.
            FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: nobody could answer.
        """
        failures: dict[str, ProviderError] = {}
        none: Answered[T] | None = None
        unknown: FlightNotFound | None = None
        for provider in sorted(self.providers, key=lambda provider: rather is not None and rather not in provider.capabilities()):
            if refused := self._refused(provider, capability):
                failures[provider.name] = refused
                continue
            yield Progress(provider.name, finished=False)
            outcome = await self._outcome(provider, call)
            yield Progress(provider.name, finished=True, problem=outcome.problem if isinstance(outcome, ProviderError) else None)
            if isinstance(outcome, ProviderError):
                failures[provider.name] = outcome
            elif isinstance(outcome, FlightNotFound):
                unknown = unknown or outcome
            elif not empty(outcome):
                yield Answered(outcome, provider)
                return
            else:
                none = none or Answered(outcome, provider)
        if all(isinstance(error, ProviderRestricted) for error in failures.values()):
            if none:
                yield none
                return
            if unknown:
                raise unknown
        raise _nobody(failures)

    async def ask_one(self, name: str, capability: Capability, call: Callable[[FlightProvider], Awaitable[T]]) -> T:
        """The answer of one provider, which must be among `providers`.

        Raises:
            FlightNotFound: it says so.
            FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: it could not answer.
        """
        provider = next(provider for provider in self.providers if provider.name == name)
        if refused := self._refused(provider, capability):
            raise _nobody({name: refused})
        outcome = await self._outcome(provider, call)
        if isinstance(outcome, ProviderError):
            raise _nobody({name: outcome})
        if isinstance(outcome, FlightNotFound):
            raise outcome
        return outcome

    def _refused(self, provider: FlightProvider, capability: Capability) -> ProviderError | None:
        if capability not in provider.capabilities():
            return ProviderRestricted(provider.name, capability.value)
        return self.health[provider.name].off(self._clock.now())

    async def _outcome(
        self, provider: FlightProvider, call: Callable[[FlightProvider], Awaitable[T]]
    ) -> T | ProviderError | FlightNotFound:
        health = self.health[provider.name]
        try:
            answer = await call(provider)
        except ProviderError as error:
            health.failed(error, self._clock.now())
            _log.warning("a provider of flights failed", provider=provider.name, problem=error.problem.value, detail=error.detail)
            return error
        except FlightNotFound as error:
            health.succeeded(self._clock.now())
            return error
        health.succeeded(self._clock.now())
        return answer


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
