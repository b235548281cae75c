"""For how long an answer may be told again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

KEPT = 3
"""How many times as long as it is fresh an answer is kept, to be told while it is asked for again."""
EMPTY_FOR, FAILED_FOR = timedelta(seconds=30), timedelta(seconds=2)
"""How long nobody is asked again for what isn't there, and for what nobody could tell."""


class Kind(Enum):
    """What an answer is about, which says how fast it ages."""

    STATUS = "status"
    SEARCH = "search"
    SCHEDULE = "schedule"


@dataclass(frozen=True, slots=True)
class Freshness:
    """How long each kind is told without asking."""

    status: timedelta = timedelta(seconds=45)
    search: timedelta = timedelta(minutes=10)
    schedule: timedelta = timedelta(hours=6)

    def fresh_for(self, kind: Kind) -> timedelta:
        """How long an answer is as good as a new one."""
        match kind:
            case Kind.STATUS:
                return self.status
            case Kind.SEARCH:
                return self.search
            case Kind.SCHEDULE:
                return self.schedule

    def kept_for(self, kind: Kind) -> timedelta:
        """How long it is told at all."""
        return KEPT * self.fresh_for(kind)

    def is_fresh(self, kind: Kind, fetched: datetime, now: datetime) -> bool:
        """Whether an answer need not be asked for again."""
        return now - fetched < self.fresh_for(kind)

    def is_kept(self, kind: Kind, fetched: datetime, now: datetime) -> bool:
        """Whether an answer may be told."""
        return now - fetched < self.kept_for(kind)
