"""A circuit breaker. While it is open, it admits a few requests as probes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

FAILURE_THRESHOLD = 3
"""Number of consecutive failures that opens the breaker."""
FIRST_REST, LONGEST_REST = timedelta(seconds=10), timedelta(minutes=2)
"""Rest: the time without probes after the breaker opens. Each failed probe doubles it, up to the longest."""
REJECTED_PER_PROBE = 20
"""Number of rejected requests before each probe, so at most 5 % of requests reach a failing provider."""
RESET_AFTER = timedelta(minutes=15)
"""Time after the rest when the next request is a probe in any case. It matters if requests are rare."""


@dataclass(slots=True)
class Breaker:
    """The breaker of one capability of one provider. It opens after `FAILURE_THRESHOLD` failures in a row."""

    failures: int = 0
    rests_until: datetime | None = None
    """End of the present rest; None while the breaker is closed."""
    rest: timedelta = FIRST_REST
    only_slow: bool = True
    """True if every counted failure was a slow answer, not an error."""
    changed: datetime | None = None
    """Time of the last change of the breaker. Replicas compare it to find the newest state."""
    _rejected: int = 0
    _probing: bool = False

    @property
    def is_open(self) -> bool:
        """True if the breaker rejects most requests."""
        return self.rests_until is not None

    def admits(self, now: datetime, *, last_resort: bool = False) -> bool:
        """Count a request and return whether it may be sent. An open breaker admits it only as a probe.

        `last_resort` means that no other provider is left for the request. Such a request is admitted after
        the rest, or at once if every failure was a slow answer.
        """
        if self.rests_until is None or (last_resort and self.only_slow):
            return True
        if not self._is_due(self.rests_until, now, last_resort=last_resort):
            self._rejected += not last_resort
            return False
        self._rejected, self._probing, self.rests_until = 0, True, now + self.rest
        return True

    def would_admit(self, now: datetime) -> bool:
        """Return the result of `admits` without counting a request."""
        return self.rests_until is None or self._is_due(self.rests_until, now)

    def _is_due(self, rests_until: datetime, now: datetime, *, last_resort: bool = False) -> bool:
        due = now >= rests_until and (last_resort or self._rejected >= REJECTED_PER_PROBE)
        return due or now >= rests_until + RESET_AFTER

    def succeeded(self, now: datetime) -> bool:
        """Record a success. Return whether it closed the breaker."""
        was_open = self.is_open
        self.failures, self.only_slow, self._probing = 0, True, False
        self.rests_until, self.rest = None, FIRST_REST
        if was_open:
            self.changed = now
        return was_open

    def failed(self, now: datetime, *, slow: bool = False) -> bool:
        """Record an error or a `slow` answer. Return whether it opened the breaker or started a new rest.

        While the breaker is open, only failures of probes count. Requests sent before it opened may still
        fail, but for the same reason.
        """
        self.failures += 1
        self.only_slow = self.only_slow and slow
        if self.failures < FAILURE_THRESHOLD or (self.is_open and not self._probing):
            return False
        self.rest = min(LONGEST_REST, self.rest * 2) if self.is_open else FIRST_REST
        self._rejected, self._probing = 0, False
        self.rests_until, self.changed = now + self.rest, now
        return True

    def merge(self, rests_until: datetime | None, changed: datetime) -> None:
        """Replace this state by another replica's state if that state is newer."""
        if self.changed is not None and changed <= self.changed:
            return
        self.changed, self.rests_until = changed, rests_until
        self.failures = FAILURE_THRESHOLD if rests_until else 0
