"""Throttling of failed sign-ins.

The first failures cause no wait. Each further failure doubles the wait, up to a minute. Two counts apply:

    per account and source   5 free failures
    per account              100 free failures (NIST SP 800-63B §3.2.2). Only the free failures of each source
                             count, so one source can't use them up. A source that has signed in to the
                             account before (`is_known`) is exempt: an attack doesn't keep the owner out

So one source has at most sixty guesses an hour, and many sources together too after their hundred. Accounts
are never locked: attempts that are refused during a wait don't extend it, a success ends it, and open
sessions continue. Unknown accounts are throttled like known ones.

An attempt is counted before its password is checked, so that concurrent guesses don't all pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.identity.errors import TooManyAttempts
from services.identity.store.records import FailedAttempts
from services.identity.store.store import Transaction

FREE_ATTEMPTS = 5
"""Failures without a wait, per account and source."""
FREE_ATTEMPTS_OF_ACCOUNT = 100
"""Failures without a wait, per account, of all unknown sources together."""
FIRST_WAIT = timedelta(seconds=1)
MAX_WAIT = timedelta(minutes=1)
FORGET_AFTER = timedelta(hours=24)
"""Failures are forgotten when the latest is this old."""

_MAX_DOUBLINGS = 16  # enough to reach MAX_WAIT; more would compute huge numbers


@dataclass(frozen=True, slots=True)
class AttemptKeys:
    """Keys of the counts that apply to an attempt."""

    account: bytes
    account_and_source: bytes
    is_known: bool
    """True if the source has signed in to the account before."""


async def check(tx: Transaction, keys: AttemptKeys, now: datetime) -> None:
    """Raise TooManyAttempts if an attempt must wait. Counts nothing."""
    count_attempt(await tx.attempts(keys.account_and_source), now)
    if not keys.is_known:
        count_attempt(await tx.attempts(keys.account), now, FREE_ATTEMPTS_OF_ACCOUNT)


async def count(tx: Transaction, keys: AttemptKeys, now: datetime) -> None:
    """Count an attempt before its password is checked. After a success call `forget`.

    Raises:
        TooManyAttempts: the attempt must wait; it isn't counted.
    """
    of_source = await _counted(tx, keys.account_and_source, now, FREE_ATTEMPTS)
    if not keys.is_known:
        of_account = await _counted(tx, keys.account, now, FREE_ATTEMPTS_OF_ACCOUNT)
        if of_source.count <= FREE_ATTEMPTS:
            await tx.put_attempts(keys.account, of_account)
    await tx.put_attempts(keys.account_and_source, of_source)


async def forget(tx: Transaction, keys: AttemptKeys) -> None:
    """Forget the failures after a success. One at a known source doesn't end the count of the others."""
    await tx.delete_attempts(keys.account_and_source)
    if not keys.is_known:
        await tx.delete_attempts(keys.account)


async def _counted(tx: Transaction, key: bytes, now: datetime, free: int) -> FailedAttempts:
    await tx.begin_attempts(key, now)
    return count_attempt(await tx.attempts(key), now, free)


def count_attempt(
    attempts: FailedAttempts | None, now: datetime, free: int = FREE_ATTEMPTS
) -> FailedAttempts:
    """Return the attempts with a new one added.

    Raises:
        TooManyAttempts: the wait after the last attempt isn't over.
    """
    if attempts is None or now - attempts.last_at >= FORGET_AFTER:
        return FailedAttempts(1, now)
    ready_at = attempts.last_at + wait_after(attempts.count, free)
    if now < ready_at:
        raise TooManyAttempts(ready_at - now)
    return FailedAttempts(attempts.count + 1, now)


def wait_after(failures: int, free: int = FREE_ATTEMPTS) -> timedelta:
    """Return the wait after this many failures in a row, of which the first `free` cause none."""
    if failures < free:
        return timedelta()
    return min(FIRST_WAIT * (1 << min(failures - free, _MAX_DOUBLINGS)), MAX_WAIT)
