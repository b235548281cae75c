"""The store of quota counters and shared facts, and its implementation for a single process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from mesh.clock import Clock
from services.flightdata.quota.quota_file import QuotaFile, QuotaState


@dataclass(frozen=True, slots=True)
class Charge:
    """An amount to spend from a counter that holds at most `limit` and resets `lasts` after its first use."""

    counter: str
    amount: int
    limit: int
    lasts: timedelta


@dataclass(frozen=True, slots=True)
class Refusal:
    """A charge that exceeds its counter's limit, and the time until the counter resets."""

    charge: Charge
    wait: timedelta


class QuotaStore(Protocol):
    """Counters that never exceed their limit, and facts by subject. Names contain no secrets."""

    async def spend(self, charges: Sequence[Charge]) -> Refusal | None:
        """Spend all charges or none; return the refused one. Raises `QuotaStoreUnavailable`."""
        ...

    async def spent(self, counter: str) -> int:
        """Return what was spent from a counter. Raises `QuotaStoreUnavailable`."""
        ...

    async def set_fact(self, subject: str, fact: str, text: str, lasts: timedelta) -> None:
        """Set one fact of a subject and keep its others. Raises `QuotaStoreUnavailable`.

        All facts of a subject expire `lasts` after the last change of one of them.
        """
        ...

    async def facts(self, subject: str) -> Mapping[str, str]:
        """Return the facts of a subject by name; empty if there are none. Raises `QuotaStoreUnavailable`."""
        ...


class MemoryQuotaStore:
    """The store of a single process. With a `path`, every change is written to the file before it counts."""

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
        """Return the state. An unreadable file is tried again each time, in case it was repaired."""
        if self._state is None:
            assert self._file is not None
            self._state = self._file.read()
        return self._state

    def _write(self, state: QuotaState) -> None:
        if self._file:
            self._file.write(state)
        self._state = state
