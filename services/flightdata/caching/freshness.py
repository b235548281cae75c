"""Times for which answers are fresh, and for which they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

KEPT = 3
"""An answer is kept this many times as long as it is fresh, to serve it while it is refreshed."""
EMPTY_FOR, FAILED_FOR = timedelta(seconds=30), timedelta(seconds=2)
"""Times for which an empty answer, and a failure, are served from the cache."""


class Kind(Enum):
    """Kind of an answer, which decides how fast it ages."""

    STATUS = "status"
    SEARCH = "search"
    SCHEDULE = "schedule"


@dataclass(frozen=True, slots=True)
class Freshness:
    """Times for which an answer of each kind is fresh."""

    status: timedelta = timedelta(seconds=45)
    search: timedelta = timedelta(minutes=10)
    schedule: timedelta = timedelta(hours=6)

    def fresh_for(self, kind: Kind) -> timedelta:
        """Return how long an answer needs no refresh."""
        times = {Kind.STATUS: self.status, Kind.SEARCH: self.search, Kind.SCHEDULE: self.schedule}
        return times[kind]

    def kept_for(self, kind: Kind) -> timedelta:
        """Return how long an answer may be served at all."""
        return KEPT * self.fresh_for(kind)

    def is_fresh(self, kind: Kind, fetched: datetime, now: datetime) -> bool:
        """Return whether an answer needs no refresh."""
        return now - fetched < self.fresh_for(kind)

    def is_kept(self, kind: Kind, fetched: datetime, now: datetime) -> bool:
        """Return whether an answer may be served."""
        return now - fetched < self.kept_for(kind)
