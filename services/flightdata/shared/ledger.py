"""What must outlast a restart and hold for all replicas at once: what has been spent, and notes of what was learned."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import structlog

from mesh.clock import Clock

_log = structlog.get_logger(__name__)


class LedgerUnavailable(Exception):
    """The ledger can't be reached: nobody knows what has been spent, so nothing may be."""


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
    """Counters that are never exceeded, and notes. Names hold no secrets."""

    async def spend(self, shares: Sequence[Share]) -> Refusal | None:
        """Spends all shares or, when one isn't there any more, none: then that one. Raises `LedgerUnavailable`."""
        ...

    async def spent(self, counter: str) -> int:
        """What a counter holds. Raises `LedgerUnavailable`."""
        ...

    async def note(self, name: str, text: str, lasts: timedelta) -> None:
        """Writes a note down in the place of an earlier one. Raises `LedgerUnavailable`."""
        ...

    async def noted(self, name: str) -> str:
        """A note; empty when there is none. Raises `LedgerUnavailable`."""
        ...


class MemoryLedger:
    """The ledger of a single process. With a `path` it is written there before anything is spent, so that a restart knows."""

    def __init__(self, clock: Clock, path: Path | None = None) -> None:
        self._clock = clock
        self._path = path
        self._counters: dict[str, tuple[int, datetime]] = {}
        self._notes: dict[str, tuple[str, datetime]] = {}
        self._read()

    async def spend(self, shares: Sequence[Share]) -> Refusal | None:
        """See `Ledger`."""
        now = self._clock.now()
        for share in shares:
            held, until = self._counters.get(share.counter, (0, now))
            if until > now and held + share.amount > share.cap:
                return Refusal(share, until - now)
            if share.amount > share.cap:
                return Refusal(share, share.lasts)
        for share in shares:
            held, until = self._counters.get(share.counter, (0, now))
            self._counters[share.counter] = (held + share.amount, until) if until > now else (share.amount, now + share.lasts)
        self._write(now)
        return None

    async def spent(self, counter: str) -> int:
        """See `Ledger`."""
        held, until = self._counters.get(counter, (0, self._clock.now()))
        return held if until > self._clock.now() else 0

    async def note(self, name: str, text: str, lasts: timedelta) -> None:
        """See `Ledger`."""
        now = self._clock.now()
        self._notes[name] = (text, now + lasts)
        self._write(now)

    async def noted(self, name: str) -> str:
        """See `Ledger`."""
        text, until = self._notes.get(name, ("", self._clock.now()))
        return text if until > self._clock.now() else ""

    def _read(self) -> None:
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8")) if self._path else {"counters": {}, "notes": {}}
            self._counters = {name: (int(held), _moment(until)) for name, (held, until) in kept["counters"].items()}
            self._notes = {name: (str(text), _moment(until)) for name, (text, until) in kept["notes"].items()}
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            _log.warning("what was spent and learned can't be read; it begins anew", path=str(self._path))

    def _write(self, now: datetime) -> None:
        self._counters = {name: kept for name, kept in self._counters.items() if kept[1] > now}
        self._notes = {name: kept for name, kept in self._notes.items() if kept[1] > now}
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._path.with_suffix(".new")
            fresh.write_text(json.dumps({"counters": _written(self._counters), "notes": _written(self._notes)}), encoding="utf-8")
            fresh.replace(self._path)
        except OSError:
            _log.warning("what was spent and learned could not be written down", path=str(self._path))


def _moment(written: Any) -> datetime:
    """An aware moment. Raises `ValueError`, `TypeError`."""
    moment = datetime.fromisoformat(written)
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone")
    return moment


def _written(kept: dict[str, tuple[Any, datetime]]) -> dict[str, tuple[Any, str]]:
    return {name: (value, until.isoformat()) for name, (value, until) in kept.items()}
