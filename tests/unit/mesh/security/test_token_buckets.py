"""Rate limits per key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mesh.security import token_buckets
from mesh.security.token_buckets import TokenBuckets
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock that starts at noon."""
    return SimulatedClock(datetime(2026, 11, 23, 12, tzinfo=UTC))


@pytest.fixture
def buckets(clock: SimulatedClock) -> TokenBuckets:
    """Three tokens per key, and a new one every minute."""
    return TokenBuckets(capacity=3, per_hour=60, clock=clock)


def test_a_bucket_has_its_capacity_and_then_tells_the_wait(
    buckets: TokenBuckets, clock: SimulatedClock
) -> None:
    assert [buckets.take("a") for _ in range(3)] == [None] * 3
    clock.advance(15)
    assert buckets.take("a") == timedelta(seconds=45)
    assert buckets.take("b") is None


def test_a_bucket_is_refilled_up_to_its_capacity(buckets: TokenBuckets, clock: SimulatedClock) -> None:
    for _ in range(3):
        buckets.take("a")
    clock.advance(60)
    assert buckets.take("a") is None
    assert buckets.take("a") is not None
    clock.advance(24 * 3600)
    assert [buckets.take("a") is None for _ in range(4)] == [True, True, True, False]


def test_refused_requests_do_not_lengthen_the_wait(buckets: TokenBuckets, clock: SimulatedClock) -> None:
    for _ in range(100):
        buckets.take("a")
    clock.advance(60)
    assert buckets.take("a") is None


def test_a_token_can_be_given_back(buckets: TokenBuckets) -> None:
    for _ in range(10):
        assert buckets.take("a") is None
        buckets.give_back("a")
    buckets.give_back("a")
    assert [buckets.take("a") is None for _ in range(4)] == [True, True, True, False]


def test_memory_is_bounded(buckets: TokenBuckets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_buckets, "MAX_KEYS", 5)
    for number in range(20):
        buckets.take(str(number))
    assert len(buckets._buckets) == 5
