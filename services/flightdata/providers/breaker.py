"""A circuit breaker that lets a few probes through while it is open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

FAILURE_THRESHOLD = 3
"""Consecutive failures that open the breaker."""
FIRST_REST, LONGEST_REST = timedelta(seconds=10), timedelta(minutes=2)
"""Time without probes after opening. Each failed probe doubles it, up to the longest."""
REJECTED_PER_PROBE = 20
"""Requests rejected for each probe: at most 5 % of requests reach a failing provider."""
RESET_AFTER = timedelta(minutes=15)
"""Time after the rest at which the next request is a probe in any case, since few requests may come."""


@dataclass(slots=True)
class Breaker:
    """The breaker of one capability of one provider: open after `FAILURE_THRESHOLD` consecutive failures."""

    failures: int = 0
    rests_until: datetime | None = None
    """None while closed."""
    rest: timedelta = FIRST_REST
    only_slow: bool = True
    """True while every counted failure was a slow answer, not an error."""
    changed: datetime | None = None
    """The time at which it last opened or closed; replicas share it."""
    _rejected: int = 0
    _probing: bool = False

    @property
    def is_open(self) -> bool:
        """Return True if most requests are rejected."""
        return self.rests_until is not None

    def admits(self, now: datetime, *, last_resort: bool = False) -> bool:
        """Count a request and return True if it may be sent; while open, an admitted request is a probe.

        A `last_resort` is a request that no other provider can answer. It waits only for the end of the rest,
        or not at all if the provider was only slow.
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
        """Record a success; return True if it closed the breaker."""
        was_open = self.is_open
        self.failures, self.only_slow, self._probing = 0, True, False
        self.rests_until, self.rest = None, FIRST_REST
        if was_open:
            self.changed = now
        return was_open

    def failed(self, now: datetime, *, slow: bool = False) -> bool:
        """Record an error, or a `slow` answer; return True if it opened the breaker or prolonged the rest.

        While open, only a probe's failure counts: earlier requests fail for the reason that opened the
        breaker.
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
        """Take over another replica's state if it is newer."""
        if self.changed is not None and changed <= self.changed:
            return
        self.changed, self.rests_until = changed, rests_until
        self.failures = FAILURE_THRESHOLD if rests_until else 0
