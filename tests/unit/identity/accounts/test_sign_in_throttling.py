"""Throttling: guesses become slow, and accounts are never locked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity.accounts.sign_in_throttling import (
    FORGET_AFTER,
    FREE_ATTEMPTS,
    MAX_WAIT,
    count_attempt,
    wait_after,
)
from services.identity.errors import TooManyAttempts
from services.identity.store.records import FailedAttempts

pytestmark = pytest.mark.unit

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _after_failures(count: int) -> FailedAttempts:
    return FailedAttempts(count, NOON)


def test_the_first_attempts_do_not_wait() -> None:
    attempts = None
    for number in range(1, FREE_ATTEMPTS + 1):
        attempts = count_attempt(attempts, NOON)
        assert attempts.count == number


def test_each_further_failure_doubles_the_wait_up_to_its_limit() -> None:
    waits = [wait_after(FREE_ATTEMPTS + extra).total_seconds() for extra in range(8)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_an_early_attempt_gets_the_exact_remaining_wait() -> None:
    with pytest.raises(TooManyAttempts) as refused:
        count_attempt(_after_failures(FREE_ATTEMPTS + 2), NOON + timedelta(seconds=1.5))
    assert refused.value.retry_after == timedelta(seconds=2.5)


@given(count=st.integers(1, 10**9))
def test_the_advised_wait_is_sufficient_and_limited(count: int) -> None:
    attempts = _after_failures(count)
    wait = wait_after(count)
    assert wait <= MAX_WAIT
    assert count_attempt(attempts, NOON + wait).count == count + 1
    if wait:
        with pytest.raises(TooManyAttempts):
            count_attempt(attempts, NOON + wait - timedelta(microseconds=1))


@given(gaps=st.lists(st.floats(0, 30), min_size=1, max_size=200))
def test_attempts_refused_while_waiting_do_not_lengthen_the_wait(gaps: list[float]) -> None:
    attempts = _after_failures(FREE_ATTEMPTS + 20)
    now = NOON
    for gap in gaps:
        now += timedelta(seconds=gap)
        if now >= NOON + MAX_WAIT:
            assert count_attempt(attempts, now).count == attempts.count + 1
            return
        with pytest.raises(TooManyAttempts) as refused:
            count_attempt(attempts, now)
        assert now + (refused.value.retry_after or timedelta()) == NOON + MAX_WAIT


def test_a_patient_attacker_gets_at_most_sixty_guesses_an_hour() -> None:
    attempts = _after_failures(FREE_ATTEMPTS + 20)
    now, guesses = NOON, 0
    while now < NOON + timedelta(hours=1):
        try:
            attempts = count_attempt(attempts, now)
            guesses += 1
        except TooManyAttempts as refused:
            now += refused.retry_after or timedelta()
    assert guesses < 60


def test_failures_are_forgotten_after_a_day() -> None:
    assert count_attempt(_after_failures(50), NOON + FORGET_AFTER) == FailedAttempts(1, NOON + FORGET_AFTER)
