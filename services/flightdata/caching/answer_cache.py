"""Cache in front of the providers. Concurrent requests for the same missing answer share one fetch.

A fresh answer is served. A stale answer is served too, and refreshed in the background. A missing answer is
fetched once: all callers in a process share the fetch, and among replicas only the holder of a claim fetches.
A fetch runs in its own task, so it continues for the other callers when one caller cancels. If a replica
crashes, its claim expires, and a waiting replica takes over. Failures and empty answers are cached for
seconds, and never replace a good answer.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Generic, TypeVar

import structlog

from mesh.clock import Clock
from mesh.errors import DomainError, Unavailable
from mesh.ids import uuid7
from services.flightdata.caching.freshness import Freshness, Kind
from services.flightdata.caching.store import CacheStore
from services.flightdata.caching.stored_answers import FAILURES, FailedAnswer, StoredAnswers
from services.flightdata.errors import AllowanceExhausted, FlightsUnavailable
from services.flightdata.providers.protocol import Capability, FlightProvider
from services.flightdata.providers.routing import Answered, Progress, ProviderRouter
from services.flightdata.quota.allowances import Spend, free
from services.flightdata.streams import SharedStream

T = TypeVar("T")
CLAIMED_FOR = timedelta(seconds=6)
"""Duration of a claim, which its holder renews every third of it. Maximum wait for a crashed replica."""
LOOK_AGAIN_SECONDS = 0.05
"""Interval of checks for the answer that another replica is fetching."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """A question to the providers; see `ProviderRouter.ask`.

    `name`, `capability` and `prefer` identify it. `kind` limits the age of an answer. `other_kinds` are the
    other kinds with which the same question is asked. An answer is stored for the longest duration of all
    these kinds. `shape` is the type to store, for example `Answered[Found]`.
    """

    name: str
    kind: Kind
    capability: Capability
    shape: type[Answered[T]]
    call: Callable[[FlightProvider], Awaitable[T]]
    empty: Callable[[T], bool]
    prefer: Capability | None = None
    other_kinds: tuple[Kind, ...] = ()


Event = Progress | Answered[T]


class AnswerCache(AbstractAsyncContextManager["AnswerCache"]):
    """Answers questions from the cache, else from the providers. Leaving the context cancels all fetches.

    Before a fetch, `spend` counts it for the caller. It raises if the caller may not spend; the cache and
    other callers are not concerned.
    """

    def __init__(
        self,
        router: ProviderRouter,
        store: CacheStore,
        clock: Clock,
        freshness: Freshness | None = None,
        spend: Spend = free,
    ) -> None:
        self._router, self._store, self._clock = router, store, clock
        self._freshness = freshness or Freshness()
        self._spend = spend
        self._answers = StoredAnswers(store)
        self._fetches: dict[str, SharedStream[Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def ask(self, question: Question[T]) -> AsyncIterator[Event[T]]:
        """Yield progress if providers are asked, then the answer as the last event.

        Raises:
            FlightNotFound: every provider that could know the flight doesn't.
            FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: no provider could answer.
            AllowanceExhausted: the answer isn't cached, and the caller may cause no more lookups today.
        """
        if self._router.is_free:
            events = self._ask_providers(question)
        else:
            events = self._ask_cached(question, self._digest(question))
        async for event in events:
            yield event

    def begins_with(self, capability: Capability, prefer: Capability | None, *, able: Capability) -> bool:
        """Return whether the provider to ask first for `capability` also has the capability `able`."""
        first = self._router.first_choice(capability, prefer)
        return first is not None and able in first.capabilities()

    def count_able(self, capability: Capability) -> int:
        """Return the number of providers that have a capability."""
        return sum(capability in provider.capabilities() for provider in self._router.providers)

    async def _ask_cached(self, question: Question[T], name: str) -> AsyncIterator[Event[T]]:
        if answer := await self._kept(question, name):
            failed_lately = self._answers.empty_or_failed
            if not self._is_fresh(question, answer) and await failed_lately(name, question.shape) is None:
                await self._refresh(question, name)
            yield answer
        elif name not in self._fetches and (empty := await self._empty(question, name)):
            yield empty
        else:
            if name not in self._fetches:
                await self._spend()
            async for event in self._fetch(question, name).events():
                yield event

    async def _refresh(self, question: Question[T], name: str) -> None:
        """Fetch a stale answer in the background, unless its reader may not spend."""
        if name not in self._fetches:
            with suppress(AllowanceExhausted, FlightsUnavailable):
                await self._spend()
                self._fetch(question, name)

    def _fetch(self, question: Question[T], name: str) -> SharedStream[Event[T]]:
        """Return the running fetch for a question, or start one."""
        if name not in self._fetches:
            fetch = self._fetches[name] = SharedStream[Event[T]]()
            task = asyncio.create_task(self._run(fetch, question, name))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return self._fetches[name]

    async def _run(self, fetch: SharedStream[Event[T]], question: Question[T], name: str) -> None:
        try:
            await self._fetch_claimed(fetch, question, name)
        except DomainError as error:
            fetch.end(error)
        except Exception as error:  # noqa: BLE001 -- raised to all listeners; logged in case there are none
            _log.error("flight data fetch failed", exc_info=error)
            fetch.end(error)
        finally:
            del self._fetches[name]
            fetch.end(Unavailable("The service is stopping.") if _is_cancelling() else None)

    async def _fetch_claimed(self, fetch: SharedStream[Event[T]], question: Question[T], name: str) -> None:
        """Ask the providers once this replica holds the claim, or wait for another replica's answer."""
        holder = uuid7()
        while not await self._store.claim(name, holder, CLAIMED_FOR):
            await self._clock.sleep(LOOK_AGAIN_SECONDS)
            if await self._send_stored(fetch, question, name):
                return
        async with self._renewing_claim(name, holder):
            # Another replica may have stored the answer after our last check and before our claim.
            if await self._send_stored(fetch, question, name):
                return
            async for event in self._ask_and_store(question, name):
                fetch.send(event)

    async def _send_stored(self, fetch: SharedStream[Event[T]], question: Question[T], name: str) -> bool:
        """Send the stored answer if it is fresh or empty. Return whether an answer was sent."""
        answer = await self._kept(question, name)
        if answer is None or not self._is_fresh(question, answer):
            answer = await self._empty(question, name)
        if answer:
            fetch.send(answer)
        return answer is not None

    async def _ask_and_store(self, question: Question[T], name: str) -> AsyncIterator[Event[T]]:
        try:
            async for event in self._ask_providers(question):
                if isinstance(event, Answered):
                    await self._keep(question, name, event)
                yield event
        except FAILURES as error:
            await self._answers.keep_failure(name, FailedAnswer.of(error))
            raise

    async def _keep(self, question: Question[T], name: str, answer: Answered[T]) -> None:
        if question.empty(answer.value):
            await self._answers.keep_empty(name, question.shape, answer)
        else:
            lasts = max(self._freshness.kept_for(kind) for kind in (question.kind, *question.other_kinds))
            await self._answers.keep(name, question.shape, answer, lasts)

    def _ask_providers(self, question: Question[T]) -> AsyncIterator[Event[T]]:
        return self._router.ask(
            question.capability, question.call, empty=question.empty, prefer=question.prefer
        )

    @asynccontextmanager
    async def _renewing_claim(self, name: str, holder: str) -> AsyncIterator[None]:
        """Renew a claim while the context is open, then release the claim."""
        renewing = asyncio.create_task(self._renew(name, holder))
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            await self._store.release(name, holder)

    async def _renew(self, name: str, holder: str) -> None:
        while True:
            await self._clock.sleep(CLAIMED_FOR.total_seconds() / 3)
            await self._store.claim(name, holder, CLAIMED_FOR)

    async def _kept(self, question: Question[T], name: str) -> Answered[T] | None:
        """Return the stored good answer if it may still be served."""
        answer = await self._answers.good(name, question.shape)
        if answer is None:
            return None
        fetched, now = answer.provenance.fetched, self._clock.now()
        return answer if self._freshness.is_kept(question.kind, fetched, now) else None

    async def _empty(self, question: Question[T], name: str) -> Answered[T] | None:
        """Return the stored empty answer, if any. If a failure is stored, raise it."""
        answer = await self._answers.empty_or_failed(name, question.shape)
        if isinstance(answer, FailedAnswer):
            raise answer.error()
        return answer

    def _is_fresh(self, question: Question[T], answer: Answered[T]) -> bool:
        return self._freshness.is_fresh(question.kind, answer.provenance.fetched, self._clock.now())

    def _digest(self, question: Question[T]) -> str:
        """Return the name under which the answer to a question is stored."""
        providers = ",".join(provider.name for provider in self._router.providers)
        text = f"{question.capability.value}|{question.prefer}|{providers}|{question.name}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def _is_cancelling() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
