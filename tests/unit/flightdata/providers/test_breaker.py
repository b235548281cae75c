"""A breaker opens after consecutive failures, admits one probe in twenty, and closes on its success."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.flightdata.providers.breaker import (
    FAILURE_THRESHOLD,
    FIRST_REST,
    LONGEST_REST,
    REJECTED_PER_PROBE,
    RESET_AFTER,
    Breaker,
)

pytestmark = pytest.mark.unit
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def _open() -> Breaker:
    breaker = Breaker()
    assert [breaker.failed(NOW) for _ in range(FAILURE_THRESHOLD)] == [False] * (FAILURE_THRESHOLD - 1) + [
        True
    ]
    return breaker


def test_failures_that_are_not_in_a_row_open_nothing() -> None:
    breaker = Breaker()
    for _ in range(10):
        breaker.failed(NOW)
        breaker.succeeded(NOW)
    assert breaker.admits(NOW)


def test_an_open_one_lets_one_in_twenty_through_after_its_rest() -> None:
    breaker = _open()
    admitted = [breaker.admits(NOW + timedelta(seconds=second)) for second in range(200)]
    assert 0 < sum(admitted) <= 200 / REJECTED_PER_PROBE
    assert not any(admitted[: int(FIRST_REST.total_seconds())])


def test_an_answer_closes_it() -> None:
    breaker = _open()
    assert breaker.succeeded(NOW)
    assert breaker.admits(NOW)


def test_every_failed_trial_makes_the_rest_longer_up_to_a_limit() -> None:
    breaker, rests, now = _open(), [FIRST_REST], NOW
    for _ in range(8):
        now += breaker.rest
        assert breaker.admits(now, last_resort=True)
        assert breaker.failed(now)
        rests.append(breaker.rest)
    assert rests == [min(FIRST_REST * 2**trials, LONGEST_REST) for trials in range(9)]


@pytest.mark.parametrize("asked_before", [0, 4, 50])
def test_failures_of_requests_from_before_opening_do_not_prolong_the_rest(asked_before: int) -> None:
    breaker = _open()
    assert not any(breaker.failed(NOW + timedelta(seconds=1)) for _ in range(asked_before))
    assert (breaker.rest, breaker.rests_until) == (FIRST_REST, NOW + FIRST_REST)
    assert breaker.admits(NOW + FIRST_REST, last_resort=True)
    assert [breaker.failed(NOW + FIRST_REST) for _ in range(3)] == [True, False, False], (
        "one trial, one failure of it"
    )
    assert breaker.rest == FIRST_REST * 2


def test_a_look_ahead_is_no_question() -> None:
    breaker = _open()
    rested = NOW + FIRST_REST
    assert not any(breaker.would_admit(rested) for _ in range(REJECTED_PER_PROBE * 2))
    assert [breaker.admits(rested) for _ in range(REJECTED_PER_PROBE)] == [False] * REJECTED_PER_PROBE
    assert all(breaker.would_admit(rested) for _ in range(3))
    assert breaker.admits(rested)
    assert not breaker.would_admit(rested)


def test_where_few_ask_it_is_forgiven() -> None:
    breaker = _open()
    assert breaker.admits(NOW + FIRST_REST + RESET_AFTER)


def test_the_last_resort_waits_for_the_rest_only() -> None:
    breaker = _open()
    assert not breaker.admits(NOW, last_resort=True)
    assert breaker.admits(NOW + FIRST_REST, last_resort=True)
    assert not breaker.admits(NOW + FIRST_REST, last_resort=True), "one at a time"


def test_a_slow_provider_is_used_as_a_last_resort() -> None:
    breaker = Breaker()
    for _ in range(FAILURE_THRESHOLD):
        breaker.failed(NOW, slow=True)
    assert not breaker.admits(NOW)
    assert breaker.admits(NOW, last_resort=True)


def test_replicas_believe_the_newer() -> None:
    breaker = Breaker()
    breaker.merge(NOW + timedelta(minutes=1), NOW)
    assert not breaker.admits(NOW)
    breaker.merge(None, NOW - timedelta(seconds=1))
    assert breaker.is_open
    breaker.merge(None, NOW + timedelta(seconds=1))
    assert breaker.admits(NOW)


@given(st.lists(st.tuples(st.floats(0, 30), st.booleans()), max_size=300))
def test_whatever_happens_an_open_one_lets_five_percent_through_at_most(
    steps: list[tuple[float, bool]],
) -> None:
    breaker, now, through, turned = _open(), NOW, 0, 0
    for seconds, fails in steps:
        now += timedelta(seconds=seconds)
        if not breaker.is_open:
            break
        if breaker.admits(now):
            through += 1
            breaker.failed(now) if fails else breaker.succeeded(now)
        else:
            turned += 1
        assert through <= (through + turned) / REJECTED_PER_PROBE or now - NOW >= RESET_AFTER
