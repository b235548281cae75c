"""Durations for which answers are fresh, and for which they may be served."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

KEPT = 3
"""Factor from the fresh duration to the total duration for which an answer may be served.

A stale answer is served while a refresh runs.
"""
EMPTY_FOR, FAILED_FOR = timedelta(seconds=30), timedelta(seconds=2)
"""Durations for which an empty answer and a failure are served from the cache."""


class Kind(Enum):
    """Kind of an answer. It determines how long the answer is fresh."""

    STATUS = "status"
    SEARCH = "search"
    SCHEDULE = "schedule"


@dataclass(frozen=True, slots=True)
class Freshness:
    """Durations for which answers are fresh, by kind."""

    status: timedelta = timedelta(seconds=45)
    search: timedelta = timedelta(minutes=10)
    schedule: timedelta = timedelta(hours=6)

    def fresh_for(self, kind: Kind) -> timedelta:
        """Return the duration for which an answer needs no refresh."""
        times = {Kind.STATUS: self.status, Kind.SEARCH: self.search, Kind.SCHEDULE: self.schedule}
        return times[kind]

    def kept_for(self, kind: Kind) -> timedelta:
        """Return the duration for which an answer may be served, fresh or stale."""
        return KEPT * self.fresh_for(kind)

    def is_fresh(self, kind: Kind, fetched: datetime, now: datetime) -> bool:
        """Return whether an answer needs no refresh."""
        return now - fetched < self.fresh_for(kind)

    def is_kept(self, kind: Kind, fetched: datetime, now: datetime) -> bool:
        """Return whether an answer may still be served, fresh or stale."""
        return now - fetched < self.kept_for(kind)
