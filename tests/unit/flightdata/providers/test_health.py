"""The vendor's refusals are remembered; our own budget is read again for each request."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.flightdata.providers.breaker import FAILURE_THRESHOLD
from services.flightdata.providers.budgets import Meter, Plan
from services.flightdata.providers.errors import (
    ProviderError,
    ProviderQuotaExhausted,
    ProviderRejected,
    ProviderUnavailable,
)
from services.flightdata.providers.health import ProviderHealth
from services.flightdata.providers.protocol import Capability
from services.flightdata.quota.quota_file import QuotaStoreUnavailable
from services.flightdata.quota.store import MemoryQuotaStore, QuotaStore, SharedState
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit

DAY = timedelta(days=1)


class FullStore(MemoryQuotaStore):
    """A quota store that refuses facts while it is `full`."""

    full = False

    async def set_fact(self, subject: str, fact: str, text: str, lasts: timedelta) -> None:
        if self.full:
            raise QuotaStoreUnavailable
        await super().set_fact(subject, fact, text, lasts)


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock within a month."""
    return SimulatedClock(datetime(2026, 11, 23, 12, tzinfo=UTC))


@pytest.fixture
def store(clock: SimulatedClock) -> FullStore:
    """The quota store of all replicas and restarts."""
    return FullStore(clock)


def _replica(clock: SimulatedClock, store: QuotaStore, monthly: int = 0) -> tuple[ProviderHealth, Meter]:
    meter = Meter("v", "key", Plan(monthly, {"dear": 2}), store, clock)
    return ProviderHealth("v", clock, SharedState(store, "health:v", clock, DAY), meter), meter


async def _asked(health: ProviderHealth, meter: Meter, endpoint: str) -> ProviderError | None:
    """Send a request; return None, or the reason why it wasn't sent."""
    await health.refresh()
    if refused := health.refusal(Capability.SEARCH):
        return refused
    try:
        await meter.pay(endpoint)
    except ProviderError as error:
        await health.failed(Capability.SEARCH, error)
        return error
    await health.succeeded(Capability.SEARCH)
    return None


async def test_a_larger_budget_counts_from_the_restart_on(clock: SimulatedClock, store: QuotaStore) -> None:
    health, meter = _replica(clock, store, monthly=2)
    assert [type(await _asked(health, meter, "cheap")) for _ in range(4)] == [type(None)] * 2 + [
        ProviderQuotaExhausted
    ] * 2
    assert health.disabled(clock.now())
    health, meter = _replica(clock, store, monthly=3)
    assert await _asked(health, meter, "cheap") is None


async def test_a_budget_too_small_for_a_dear_call_still_pays_for_a_cheap_one(
    clock: SimulatedClock, store: QuotaStore
) -> None:
    health, meter = _replica(clock, store, monthly=3)
    assert await _asked(health, meter, "dear") is None
    assert isinstance(await _asked(health, meter, "dear"), ProviderQuotaExhausted)
    assert not health.disabled(clock.now())
    assert await _asked(health, meter, "cheap") is None


async def test_a_quota_used_up_by_the_vendors_word_is_known_to_replicas_and_restarts(
    clock: SimulatedClock, store: QuotaStore
) -> None:
    health, _ = _replica(clock, store)
    await health.failed(
        Capability.SEARCH, ProviderQuotaExhausted("v", "used up", until=clock.now() + DAY / 2)
    )
    again, meter = _replica(clock, store)
    assert isinstance(await _asked(again, meter, "cheap"), ProviderQuotaExhausted)
    clock.advance((DAY / 2).total_seconds())
    assert await _asked(again, meter, "cheap") is None


async def test_one_replicas_facts_do_not_overwrite_anothers(clock: SimulatedClock, store: QuotaStore) -> None:
    (one, _), (other, _), (third, _) = (_replica(clock, store) for _ in range(3))
    await one.failed(Capability.SEARCH, ProviderRejected("v", "refuses the key (401)"))
    for _ in range(FAILURE_THRESHOLD):
        await other.failed(Capability.STATUS, ProviderUnavailable("v", "down"))
    await third.refresh()
    assert isinstance(third.disabled(clock.now()), ProviderRejected)
    assert third.breakers[Capability.STATUS].is_open


async def test_an_older_shared_fact_does_not_replace_a_newer_local_one(
    clock: SimulatedClock, store: FullStore
) -> None:
    (one, _), (other, _) = (_replica(clock, store) for _ in range(2))
    await one.failed(Capability.SEARCH, ProviderRejected("v", "refuses the key (401)"))
    await one.succeeded(Capability.SEARCH)
    clock.advance(60)
    store.full = True
    await other.failed(Capability.SEARCH, ProviderRejected("v", "refuses the key (401)"))
    await other.refresh()
    assert other.disabled(clock.now())
