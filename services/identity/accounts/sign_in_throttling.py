"""Throttling of failed sign-ins per account. An attacker can have many network addresses.

The first failures cause no wait. Each further failure doubles the wait, up to a minute. So an attacker has at
most sixty guesses an hour; OWASP ASVS 4.0.3 (2.2.1) allows a hundred. Accounts are never locked: attempts
that are refused during a wait don't extend it, a success ends it, and open sessions continue. Unknown
accounts are throttled like known ones.

An attempt is counted before its password is checked, so that concurrent guesses don't all pass.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from services.identity.errors import TooManyAttempts
from services.identity.store.records import FailedAttempts

FREE_ATTEMPTS = 5
FIRST_WAIT = timedelta(seconds=1)
MAX_WAIT = timedelta(minutes=1)
FORGET_AFTER = timedelta(hours=24)
"""Failures are forgotten when the latest is this old."""

_MAX_DOUBLINGS = 16  # enough to reach MAX_WAIT; more would compute huge numbers


def count_attempt(attempts: FailedAttempts | None, now: datetime) -> FailedAttempts:
    """Return the account's attempts with a new one added. If it succeeds, the caller deletes all of them.

    Raises:
        TooManyAttempts: the wait after the last attempt isn't over.
    """
    if attempts is None or now - attempts.last_at >= FORGET_AFTER:
        return FailedAttempts(1, now)
    ready_at = attempts.last_at + wait_after(attempts.count)
    if now < ready_at:
        raise TooManyAttempts(ready_at - now)
    return FailedAttempts(attempts.count + 1, now)


def wait_after(failures: int) -> timedelta:
    """Return the wait after this many failures in a row."""
    if failures < FREE_ATTEMPTS:
        return timedelta()
    return min(FIRST_WAIT * (1 << min(failures - FREE_ATTEMPTS, _MAX_DOUBLINGS)), MAX_WAIT)
