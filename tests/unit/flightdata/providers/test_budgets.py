"""Calls are paid before they are sent; no limit is ever exceeded, even across restarts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.flightdata.providers.budgets import Meter, Plan, Remaining, turn_of_month
from services.flightdata.providers.errors import (
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderUnavailable,
)
from services.flightdata.quota.quota_file import QuotaStoreUnavailable
from services.flightdata.quota.store import Charge, MemoryQuotaStore, Refusal
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit
MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock near the end of a month."""
    return SimulatedClock(datetime(2026, 11, 30, 23, tzinfo=UTC))


async def test_a_months_budget_is_not_exceeded_and_renewed_with_the_next_month(clock: SimulatedClock) -> None:
    meter = Meter("v", "key", Plan(5, {"dear": 2}), MemoryQuotaStore(clock), clock)
    await meter.pay("dear")
    await meter.pay("dear")
    with pytest.raises(ProviderQuotaExhausted) as refused:
        await meter.pay("dear")
    assert refused.value.until == datetime(2026, 12, 1, tzinfo=UTC)
    await meter.pay("cheap")
    assert await meter.remaining() == Remaining(0, 5)
    clock.advance(3600)
    await meter.pay("dear")
    assert await meter.remaining() == Remaining(3, 5)


async def test_an_endpoints_rate_is_kept_and_a_refusal_costs_nothing(
    clock: SimulatedClock,
) -> None:
    meter = Meter("v", "key", Plan(100, spacing={"timetable": MINUTE}), MemoryQuotaStore(clock), clock)
    await meter.pay("timetable")
    clock.advance(15)
    with pytest.raises(ProviderRateLimited) as refused:
        await meter.pay("timetable")
    assert refused.value.retry_after == timedelta(seconds=45)
    assert not refused.value.by_vendor
    await meter.pay("flights")
    assert await meter.remaining() == Remaining(98, 100)
    clock.advance(45)
    await meter.pay("timetable")


async def test_a_restart_forgets_nothing(tmp_path: Path, clock: SimulatedClock) -> None:
    path, plan = tmp_path / "flightdata" / "ledger.json", Plan(2, spacing={"timetable": MINUTE})
    await Meter("v", "key", plan, MemoryQuotaStore(clock, path), clock).pay("timetable")
    again = Meter("v", "key", plan, MemoryQuotaStore(clock, path), clock)
    with pytest.raises(ProviderRateLimited):
        await again.pay("timetable")
    await again.pay("flights")
    with pytest.raises(ProviderQuotaExhausted):
        await Meter("v", "key", plan, MemoryQuotaStore(clock, path), clock).pay("flights")
    await Meter("v", "another", plan, MemoryQuotaStore(clock, path), clock).pay("flights")
    assert "another" not in path.read_text()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"counters": 7}', '{"counters": {"a": [1, "2026-11-30"]}, "facts": {}}']
)
async def test_with_a_spoiled_file_nothing_is_spent_until_somebody_puts_it_right(
    tmp_path: Path, clock: SimulatedClock, content: str
) -> None:
    path = tmp_path / "ledger.json"
    path.write_text(content)
    store = MemoryQuotaStore(clock, path)
    with pytest.raises(QuotaStoreUnavailable):
        await store.spent("a")
    with pytest.raises(QuotaStoreUnavailable):
        await store.spend([Charge("a", 1, 1, MINUTE)])
    with pytest.raises(QuotaStoreUnavailable):
        await store.set_fact("v", "off", "text", MINUTE)
    assert path.read_text() == content
    path.unlink()
    assert await store.spend([Charge("a", 1, 1, MINUTE)]) is None


async def test_where_nothing_can_be_written_nothing_is_spent(tmp_path: Path, clock: SimulatedClock) -> None:
    folder = tmp_path / "flightdata"
    store = MemoryQuotaStore(clock, folder / "ledger.json")
    folder.write_text("in the way of a folder")
    with pytest.raises(QuotaStoreUnavailable):
        await store.spend([Charge("a", 1, 1, MINUTE)])
    folder.unlink()
    assert await store.spend([Charge("a", 1, 1, MINUTE)]) is None
    (folder / "ledger.new").mkdir()
    with pytest.raises(QuotaStoreUnavailable):
        await store.spend([Charge("b", 1, 1, MINUTE)])
    (folder / "ledger.new").rmdir()
    assert await store.spent("b") == 0
    assert await store.spend([Charge("b", 1, 1, MINUTE)]) is None


class _Gone:
    """A quota store that is unreachable."""

    async def spend(self, charges: Sequence[Charge]) -> Refusal | None:
        raise QuotaStoreUnavailable

    async def spent(self, counter: str) -> int:
        raise QuotaStoreUnavailable

    async def set_fact(self, subject: str, fact: str, text: str, lasts: timedelta) -> None:
        raise QuotaStoreUnavailable

    async def facts(self, subject: str) -> Mapping[str, str]:
        raise QuotaStoreUnavailable


async def test_nothing_is_spent_while_the_quota_store_is_unavailable(clock: SimulatedClock) -> None:
    meter = Meter("v", "key", Plan(100), _Gone(), clock)
    with pytest.raises(ProviderUnavailable):
        await meter.pay("flights")
    assert await meter.remaining() is None
    await Meter("v", "key", Plan(), _Gone(), clock).pay("flights")


@given(st.lists(st.tuples(st.integers(1, 5), st.floats(0, 20)), max_size=60))
async def test_no_sequence_of_calls_exceeds_a_counters_cap(
    steps: list[tuple[int, float]],
) -> None:
    clock = SimulatedClock(datetime(2026, 11, 23, tzinfo=UTC))
    store = MemoryQuotaStore(clock)
    for amount, seconds in steps:
        await store.spend([Charge("a", amount, 7, MINUTE), Charge("b", 1, 3, MINUTE)])
        assert await store.spent("a") <= 7
        assert await store.spent("b") <= 3
        clock.advance(seconds)


@pytest.mark.parametrize(
    ("now", "then"),
    [((2026, 12, 31), (2027, 1, 1)), ((2028, 2, 29), (2028, 3, 1)), ((2026, 1, 31), (2026, 2, 1))],
)
def test_months_turn(now: tuple[int, int, int], then: tuple[int, int, int]) -> None:
    assert turn_of_month(datetime(*now, 13, tzinfo=UTC)) == datetime(*then, tzinfo=UTC)
