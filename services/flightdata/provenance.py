"""Who said so, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who said so and when (UTC). A `sample` is invented: nobody flies it. `vintage` is what the data describes when it isn't today."""

    provider: str
    fetched: datetime
    cached: bool = False
    sample: bool = False
    vintage: str = ""

    def age(self, now: datetime) -> timedelta:
        """How long ago it was said; never negative."""
        return max(timedelta(), now - self.fetched)
