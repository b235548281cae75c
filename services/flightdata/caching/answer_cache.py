"""Questions answered from what is known, or by asking the providers once for everybody who wants to know.

A fresh answer is told. One that isn't, but is kept, is told too while it is asked for again. What nobody has is fetched: once in this
process, since all who ask share a fetch, and once among replicas, since who fetches holds a claim. A fetch belongs to nobody who asks:
somebody who hangs up takes no answer away from the others. When a replica dies with a claim, that lapses and one of those waiting takes
it. Failures and empty answers are kept beside good ones, for seconds, and never in their place.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from types import TracebackType
from typing import Any, Generic, TypeVar, cast

import structlog

from mesh.clock import Clock
from mesh.errors import DomainError, Unavailable
from mesh.ids import uuid7
from services.flightdata.caching.entries import FAILURES, Entry, FailedEntry
from services.flightdata.caching.fetches import Fetch
from services.flightdata.caching.freshness import Freshness, Kind
from services.flightdata.caching.records import Records
from services.flightdata.caching.store import Shelf
from services.flightdata.providers.protocol import Capability, FlightProvider
from services.flightdata.providers.routing import Answered, Progress, ProviderRouter

T = TypeVar("T")
CLAIMED_FOR = timedelta(seconds=6)
"""How long a replica that died keeps the others waiting: a claim is renewed three times in it."""
LOOK_AGAIN_SECONDS = 0.05
"""Between looks for the answer that another replica is fetching."""
MOST_NAMED = 1024
"""Questions whose names on the shelf are held ready."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """What is asked. The same `name` under the same capability is the same question; the rest is as `ProviderRouter.ask`.

    `kind` says how old an answer may be. Where others ask the same as `other_kinds`, it is kept for whoever wants it the longest.
    """

    name: str
    kind: Kind
    capability: Capability
    shape: type[Entry]
    call: Callable[[FlightProvider], Awaitable[T]]
    empty: Callable[[T], bool]
    prefer: Capability | None = None
    other_kinds: tuple[Kind, ...] = ()


Event = Progress | Answered[T]


class Answers(AbstractAsyncContextManager["Answers"]):
    """Answers questions; open while it is entered, since fetches go on when those who asked have left."""

    def __init__(
        self, router: ProviderRouter, shelf: Shelf, clock: Clock, freshness: Freshness | None = None
    ) -> None:
        self._router, self._shelf, self._clock = router, shelf, clock
        self._freshness = freshness or Freshness()
        self._records = Records(shelf, self._freshness)
        self._name = lru_cache(maxsize=MOST_NAMED)(self._digest)
        self._fetches: dict[str, Fetch[Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def ask(self, question: Question[T]) -> AsyncIterator[Event[T]]:
        """Progress while providers are asked, if they are, then the answer, once and last.

        Raises:
            FlightNotFound: every provider that could know says so.
            FlightsUnavailable, FlightsQuotaExhausted, FlightsRestricted: nobody could answer.
        """
        if all(provider.is_sample for provider in self._router.providers):
            events = self._asked(question)
        else:
            events = self._told(question, self._name(question))
        async for event in events:
            yield event

    def begin_with(self, capability: Capability, prefer: Capability | None, *, able: Capability) -> bool:
        """Whether who would be asked first is `able` to do more than `capability`."""
        first = self._router.first_choice(capability, prefer)
        return first is not None and able in first.capabilities()

    def able(self, capability: Capability) -> int:
        """How many providers can be asked for something."""
        return sum(capability in provider.capabilities() for provider in self._router.providers)

    async def _told(self, question: Question[T], name: str) -> AsyncIterator[Event[T]]:
        if kept := await self._kept(question, name):
            if not self._is_fresh(question, kept) and await self._records.none(name, question.shape) is None:
                self._fetch(question, name)
            yield self._again(kept)
            return
        if name not in self._fetches and (none := await self._none(question, name)):
            yield none
            return
        async for event in self._fetch(question, name).events():
            yield event

    def _fetch(self, question: Question[T], name: str) -> Fetch[Event[T]]:
        """The fetch under way, or a new one."""
        if name not in self._fetches:
            fetch = self._fetches[name] = Fetch[Event[T]]()
            task = asyncio.create_task(self._run(fetch, question, name))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return self._fetches[name]

    async def _run(self, fetch: Fetch[Event[T]], question: Question[T], name: str) -> None:
        try:
            await self._fetched(fetch, question, name)
        except DomainError as error:
            fetch.end(error)
        except Exception as error:  # noqa: BLE001 -- whatever it is belongs to those who listen; without any it is logged
            _log.error("asking for flights went wrong", exc_info=error)
            fetch.end(error)
        finally:
            del self._fetches[name]
            fetch.end(Unavailable("The service is stopping.") if _is_cancelling() else None)

    async def _fetched(self, fetch: Fetch[Event[T]], question: Question[T], name: str) -> None:
        """Asks, if nobody else does; otherwise waits for what they find."""
        holder = uuid7()
        while not await self._shelf.claim(name, holder, CLAIMED_FOR):
            await self._clock.sleep(LOOK_AGAIN_SECONDS)
            if await self._arrived(fetch, question, name):
                return
        async with self._renewed(name, holder):
            # Between our look and our claim somebody else may have had it.
            if await self._arrived(fetch, question, name):
                return
            async for event in self._asked_and_kept(question, name):
                fetch.tell(event)

    async def _arrived(self, fetch: Fetch[Event[T]], question: Question[T], name: str) -> bool:
        kept = await self._kept(question, name)
        told = (
            self._again(kept) if kept and self._is_fresh(question, kept) else await self._none(question, name)
        )
        if told:
            fetch.tell(told)
        return told is not None

    async def _asked_and_kept(self, question: Question[T], name: str) -> AsyncIterator[Event[T]]:
        try:
            async for event in self._asked(question):
                if isinstance(event, Answered):
                    entry = question.shape(cast("Any", event.value), event.provider.name, self._clock.now())
                    kind = max((question.kind, *question.other_kinds), key=self._freshness.kept_for)
                    await self._records.keep(name, kind, entry, empty=question.empty(event.value))
                yield event
        except FAILURES as error:
            await self._records.keep_failure(name, FailedEntry.of(error))
            raise

    def _asked(self, question: Question[T]) -> AsyncIterator[Event[T]]:
        return self._router.ask(
            question.capability, question.call, empty=question.empty, prefer=question.prefer
        )

    @asynccontextmanager
    async def _renewed(self, name: str, holder: str) -> AsyncIterator[None]:
        """Keeps a claim, and gives it up at the end."""
        renewing = asyncio.create_task(self._renew(name, holder))
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            await self._shelf.release(name, holder)

    async def _renew(self, name: str, holder: str) -> None:
        while True:
            await self._clock.sleep(CLAIMED_FOR.total_seconds() / 3)
            await self._shelf.claim(name, holder, CLAIMED_FOR)

    async def _kept(self, question: Question[T], name: str) -> Entry | None:
        entry = await self._records.good(name, question.shape)
        return (
            entry
            if entry and self._freshness.is_kept(question.kind, entry.fetched, self._clock.now())
            else None
        )

    async def _none(self, question: Question[T], name: str) -> Answered[T] | None:
        """An empty answer of a moment ago. Raises the failure of a moment ago."""
        none = await self._records.none(name, question.shape)
        if isinstance(none, FailedEntry):
            raise none.error()
        return self._again(none) if none else None

    def _is_fresh(self, question: Question[T], entry: Entry) -> bool:
        return self._freshness.is_fresh(question.kind, entry.fetched, self._clock.now())

    def _again(self, entry: Entry) -> Answered[Any]:
        provider = next(provider for provider in self._router.providers if provider.name == entry.provider)
        return Answered(entry.value, provider, cached_at=entry.fetched)

    def _digest(self, question: Question[T]) -> str:
        asked = ",".join(provider.name for provider in self._router.providers)
        said = f"{question.capability.value}|{question.prefer}|{asked}|{question.name}"
        return hashlib.sha256(said.encode()).hexdigest()[:32]


def _is_cancelling() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
