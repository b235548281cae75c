"""Delays before a crashed part is restarted."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 30.0
RESET_AFTER_SECONDS = 60.0
"""If a part has run for this time before it crashes, the delay is `FIRST_SECONDS` again."""


@dataclass(slots=True)
class RestartBackoff:
    """Delay before a restart. It doubles with each crash in a row."""

    crashes: int = 0

    def delay_after(self, ran_seconds: float) -> float:
        """Return the seconds to wait before the restart of a part that ran for `ran_seconds`."""
        if ran_seconds >= RESET_AFTER_SECONDS:
            self.crashes = 0
        delay = min(FIRST_SECONDS * 2.0**self.crashes, LONGEST_SECONDS)
        self.crashes += 1
        return delay
