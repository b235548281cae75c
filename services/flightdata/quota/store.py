"""What must outlast a restart and hold for all replicas at once: what has been spent, and facts that were learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from mesh.clock import Clock
from services.flightdata.quota.file import Kept, LedgerFile


@dataclass(frozen=True, slots=True)
class Share:
    """An amount to be spent of a counter that holds at most `cap` and begins anew `lasts` after its first use."""

    counter: str
    amount: int
    cap: int
    lasts: timedelta


@dataclass(frozen=True, slots=True)
class Refusal:
    """A share that its counter doesn't hold any more, and how long until it begins anew."""

    share: Share
    wait: timedelta


class Ledger(Protocol):
    """Counters that are never exceeded, and facts by subject. Names hold no secrets."""

    async def spend(self, shares: Sequence[Share]) -> Refusal | None:
        """Spends all shares or, when one isn't there any more, none: then that one. Raises `LedgerUnavailable`."""
        ...

    async def spent(self, counter: str) -> int:
        """What a counter holds. Raises `LedgerUnavailable`."""
        ...

    async def note(self, subject: str, fact: str, text: str, lasts: timedelta) -> None:
        """Writes one fact of a subject down, in the place of what that fact said; its others stay. Raises `LedgerUnavailable`.

        All of a subject goes when no fact was written for as long as the last one `lasts`.
        """
        ...

    async def noted(self, subject: str) -> Mapping[str, str]:
        """The facts of a subject by name; empty when there are none. Raises `LedgerUnavailable`."""
        ...


class MemoryLedger:
    """The ledger of a single process. With a `path` it is written there before anything counts as spent, so that a restart knows."""

    def __init__(self, clock: Clock, path: Path | None = None) -> None:
        self._clock = clock
        self._file = LedgerFile(path) if path else None
        self._known = None if path else Kept()

    async def spend(self, shares: Sequence[Share]) -> Refusal | None:
        """See `Ledger`."""
        now, kept = self._clock.now(), self._read()
        counters = {name: counter for name, counter in kept.counters.items() if counter[1] > now}
        for share in shares:
            held, until = counters.get(share.counter, (0, now + share.lasts))
            if held + share.amount > share.cap:
                return Refusal(share, until - now)
            counters[share.counter] = (held + share.amount, until)
        self._write(Kept(counters, kept.facts))
        return None

    async def spent(self, counter: str) -> int:
        """See `Ledger`."""
        held, until = self._read().counters.get(counter, (0, self._clock.now()))
        return held if until > self._clock.now() else 0

    async def note(self, subject: str, fact: str, text: str, lasts: timedelta) -> None:
        """See `Ledger`."""
        now, kept = self._clock.now(), self._read()
        facts = {name: known for name, known in kept.facts.items() if known[1] > now}
        others, _ = facts.get(subject, ({}, now))
        self._write(Kept(kept.counters, facts | {subject: ({**others, fact: text}, now + lasts)}))

    async def noted(self, subject: str) -> Mapping[str, str]:
        """See `Ledger`."""
        facts, until = self._read().facts.get(subject, ({}, self._clock.now()))
        return facts if until > self._clock.now() else {}

    def _read(self) -> Kept:
        """What is kept. A file that can't be read is tried anew each time: somebody may put it right."""
        if self._known is None:
            assert self._file is not None
            self._known = self._file.read()
        return self._known

    def _write(self, kept: Kept) -> None:
        if self._file:
            self._file.write(kept)
        self._known = kept
