"""How long to wait before a part that died is started again."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 30.0
FORGIVEN_AFTER_SECONDS = 60.0


@dataclass(slots=True)
class Backoff:
    """Doubles with each death; forgets them once the part has run for a while."""

    deaths: int = 0

    def after(self, ran_seconds: float) -> float:
        """Seconds to wait after a run of this length."""
        if ran_seconds >= FORGIVEN_AFTER_SECONDS:
            self.deaths = 0
        delay = min(FIRST_SECONDS * 2.0**self.deaths, LONGEST_SECONDS)
        self.deaths += 1
        return delay
