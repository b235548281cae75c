"""Delays before a crashed part is restarted."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 30.0
RESET_AFTER_SECONDS = 60.0
"""A part that ran this long starts again with the first delay."""


@dataclass(slots=True)
class RestartBackoff:
    """A delay that doubles with each crash in a row."""

    crashes: int = 0

    def delay_after(self, ran_seconds: float) -> float:
        """Return the seconds to wait after a run of this length."""
        if ran_seconds >= RESET_AFTER_SECONDS:
            self.crashes = 0
        delay = min(FIRST_SECONDS * 2.0**self.crashes, LONGEST_SECONDS)
        self.crashes += 1
        return delay
