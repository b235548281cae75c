"""The store of quota counters and shared facts: its protocol, and the implementation for one process."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import structlog

from mesh.clock import Clock
from services.flightdata.quota.quota_file import QuotaFile, QuotaState, QuotaStoreUnavailable

FACTS_READ_EVERY_SECONDS = 1.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Charge:
    """An amount to add to a counter.

    The counter never exceeds `limit`. It is reset when the time `lasts` has passed since its first charge. If
    `expires` is True, the counter is removed then. That is for counters of which there are many; a shared
    store that is full may remove them earlier.
    """

    counter: str
    amount: int
    limit: int
    lasts: timedelta
    expires: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A charge that would exceed the limit of its counter, and the time until the counter is reset."""

    charge: Charge
    wait: timedelta


class QuotaStore(Protocol):
    """Counters that never exceed their limit, and facts by subject. Names contain no secrets."""

    async def spend(self, charges: Sequence[Charge]) -> Refusal | None:
        """Spend all charges, or none if one would exceed its limit. Return that charge's refusal.

        Raises:
            QuotaStoreUnavailable: the store can't be read or written.
        """
        ...

    async def spent(self, counter: str) -> int:
        """Return the amount spent since the counter's reset. Raises `QuotaStoreUnavailable`."""
        ...

    async def set_fact(self, subject: str, fact: str, text: str, lasts: timedelta) -> None:
        """Set one fact of a subject; keep the subject's other facts. Raises `QuotaStoreUnavailable`.

        All facts of a subject expire when the duration `lasts` has passed since the last change of any fact.
        """
        ...

    async def facts(self, subject: str) -> Mapping[str, str]:
        """Return the facts of a subject by name; empty if there are none. Raises `QuotaStoreUnavailable`."""
        ...


class MemoryQuotaStore:
    """The store of a single process. With a `path`, changes are written to a file before they take effect."""

    def __init__(self, clock: Clock, path: Path | None = None) -> None:
        self._clock = clock
        self._file = QuotaFile(path) if path else None
        self._state = None if path else QuotaState()

    async def spend(self, charges: Sequence[Charge]) -> Refusal | None:
        """See `QuotaStore`."""
        now, state = self._clock.now(), self._read()
        counters = {name: counter for name, counter in state.counters.items() if counter[1] > now}
        for charge in charges:
            spent, until = counters.get(charge.counter, (0, now + charge.lasts))
            if spent + charge.amount > charge.limit:
                return Refusal(charge, until - now)
            counters[charge.counter] = (spent + charge.amount, until)
        self._write(QuotaState(counters, state.facts))
        return None

    async def spent(self, counter: str) -> int:
        """See `QuotaStore`."""
        spent, until = self._read().counters.get(counter, (0, self._clock.now()))
        return spent if until > self._clock.now() else 0

    async def set_fact(self, subject: str, fact: str, text: str, lasts: timedelta) -> None:
        """See `QuotaStore`."""
        now, state = self._clock.now(), self._read()
        facts = {name: known for name, known in state.facts.items() if known[1] > now}
        others, _ = facts.get(subject, ({}, now))
        self._write(QuotaState(state.counters, facts | {subject: ({**others, fact: text}, now + lasts)}))

    async def facts(self, subject: str) -> Mapping[str, str]:
        """See `QuotaStore`."""
        facts, until = self._read().facts.get(subject, ({}, self._clock.now()))
        return facts if until > self._clock.now() else {}

    def _read(self) -> QuotaState:
        """Return the state. If the file was unreadable, read it again, because it may have been repaired."""
        if self._state is None:
            assert self._file is not None
            self._state = self._file.read()
        return self._state

    def _write(self, state: QuotaState) -> None:
        if self._file:
            self._file.write(state)
        self._state = state


class SharedState:
    """The facts of one subject, read at most once a second.

    If the store is unavailable, each replica uses only the facts it has learned itself.
    """

    def __init__(self, store: QuotaStore, subject: str, clock: Clock, lasts: timedelta) -> None:
        self._store, self._subject, self._clock, self._lasts = store, subject, clock, lasts
        self._read_at: float | None = None

    async def read(self) -> Mapping[str, Any]:
        """Return the valid facts by name; empty if they were read less than a second ago."""
        if self._read_at is not None and self._clock.monotonic() - self._read_at < FACTS_READ_EVERY_SECONDS:
            return {}
        self._read_at = self._clock.monotonic()
        try:
            written = await self._store.facts(self._subject)
        except QuotaStoreUnavailable:
            return {}
        return {fact: value for fact, text in written.items() if (value := _parsed(text)) is not None}

    async def write(self, fact: str, value: Any) -> None:
        """Set one fact to a JSON value; keep the others."""
        try:
            await self._store.set_fact(self._subject, fact, json.dumps(value), self._lasts)
        except QuotaStoreUnavailable as error:
            _log.warning(
                "provider state not written to the shared store",
                subject=self._subject,
                state=fact,
                error=str(error),
            )


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
