"""Throttling of guesses, per account and not per address: attackers have many addresses, an account is one.

The first failures are free, each further one doubles the wait, up to a minute: sixty guesses an hour at the most, where OWASP
ASVS 4.0.3 (2.2.1) allows a hundred. There is no lockout: attempts refused while waiting don't lengthen the wait, a
success ends it, and sessions that are signed in never notice. Unknown accounts are throttled like known ones.

An attempt is charged before its password is looked at, so that guesses sent side by side don't all slip through.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from services.identity.errors import TooManyAttempts
from services.identity.store.records import FailedAttempts

FREE_ATTEMPTS = 5
FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=1)
FORGOTTEN_AFTER = timedelta(hours=24)
"""A run of failures that is quiet for so long no longer counts."""

_DOUBLINGS = 16  # beyond these the wait has long reached its limit, and 2^count would only grow


def charged(attempts: FailedAttempts | None, now: datetime) -> FailedAttempts:
    """The account's attempts with one more begun now; forget them when it succeeds.

    Raises:
        TooManyAttempts: the wait after the last one isn't over.
    """
    if attempts is None or now - attempts.last_at >= FORGOTTEN_AFTER:
        return FailedAttempts(1, now)
    ready_at = attempts.last_at + wait_after(attempts.count)
    if now < ready_at:
        raise TooManyAttempts(ready_at - now)
    return FailedAttempts(attempts.count + 1, now)


def wait_after(failures: int) -> timedelta:
    """How long an account rests after so many failures in a row."""
    if failures < FREE_ATTEMPTS:
        return timedelta()
    return min(FIRST_WAIT * (1 << min(failures - FREE_ATTEMPTS, _DOUBLINGS)), LONGEST_WAIT)
