"""State that replicas share: the same promises in memory and in a real Redis, which may also be down."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
import redis

from mesh.clock import SystemClock
from mesh.settings import load
from services.flightdata.app import Stores, open_stores
from services.flightdata.providers.budgets import Meter, Plan
from services.flightdata.providers.errors import ProviderQuotaExhausted, ProviderUnavailable
from services.flightdata.providers.health import ProviderHealth
from services.flightdata.providers.protocol import Capability
from services.flightdata.quota.quota_file import QuotaStoreUnavailable
from services.flightdata.quota.redis_store import PREFIX
from services.flightdata.quota.store import Charge, SharedState
from services.flightdata.settings import FlightDataSettings
from tests.redis_server import RedisServer

pytestmark = pytest.mark.integration
HOUR = timedelta(hours=1)
CLOCK = SystemClock()


@pytest.fixture(params=["memory", "redis"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> FlightDataSettings:
    """Settings with and without Redis."""
    url = request.getfixturevalue("shared_redis").url if request.param == "redis" else ""
    return load(FlightDataSettings, home=tmp_path, redis_url=url)


@pytest_asyncio.fixture
async def stores(settings: FlightDataSettings) -> AsyncIterator[Stores]:
    """Open stores."""
    async with open_stores(settings, CLOCK) as opened:
        yield opened


@pytest.fixture
def name() -> str:
    """A unique name."""
    return os.urandom(8).hex()


async def test_concurrent_charges_never_exceed_the_limit(stores: Stores, name: str) -> None:
    refused = await asyncio.gather(*(stores.quota.spend([Charge(name, 2, 21, HOUR)]) for _ in range(50)))
    assert refused.count(None) == 10
    assert await stores.quota.spent(name) == 20
    waits = [refusal.wait for refusal in refused if refusal]
    assert all(timedelta() < wait <= HOUR for wait in waits)


async def test_all_charges_are_spent_or_none(stores: Stores, name: str) -> None:
    assert await stores.quota.spend([Charge(f"{name}b", 1, 1, HOUR)]) is None
    refused = await stores.quota.spend([Charge(f"{name}a", 1, 10, HOUR), Charge(f"{name}b", 1, 1, HOUR)])
    assert refused is not None
    assert refused.charge.counter == f"{name}b"
    assert await stores.quota.spent(f"{name}a") == 0


async def test_a_charge_above_the_limit_is_refused(stores: Stores, name: str) -> None:
    refused = await stores.quota.spend([Charge(name, 5, 3, HOUR)])
    assert refused is not None
    assert refused.wait == HOUR


async def test_spent_amounts_survive_the_process(settings: FlightDataSettings, name: str) -> None:
    for spent in range(3):
        async with open_stores(settings, CLOCK) as opened:
            assert await opened.quota.spent(name) == spent
            await opened.quota.spend([Charge(name, 1, 10, HOUR)])
            assert await opened.quota.facts(name) == {str(earlier): "known" for earlier in range(spent)}
            await opened.quota.set_fact(name, str(spent), "known", HOUR)


async def test_a_counter_resets_after_its_time(stores: Stores, name: str) -> None:
    share = Charge(name, 1, 1, timedelta(milliseconds=40))
    refused = None
    while refused is None:
        refused = await stores.quota.spend([share])
    await CLOCK.sleep(refused.wait.total_seconds() + 0.002)
    assert await stores.quota.spent(name) == 0
    assert await stores.quota.spend([share]) is None


async def test_answers_can_be_evicted_and_counters_can_not(
    shared_redis: RedisServer, tmp_path: Path, name: str
) -> None:
    async with open_stores(
        load(FlightDataSettings, home=tmp_path, redis_url=shared_redis.url), CLOCK
    ) as stores:
        await stores.quota.spend([Charge(name, 1, 10, HOUR), Charge(f"{name}c", 1, 10, HOUR, expires=True)])
        await stores.quota.set_fact(name, "off", "text", HOUR)
        await stores.cache.put(name, b"answer", HOUR)
    with redis.Redis(port=shared_redis.port) as client:
        lasting = {key.decode().removeprefix(PREFIX): client.pttl(key) for key in client.keys(f"*{name}*")}
    assert lasting.pop(f"counter:{name}") == -1, "`volatile-lru` evicts no key without an expiry"
    assert set(lasting) == {name, f"facts:{name}", f"counter:{name}c"}
    assert all(milliseconds > 0 for milliseconds in lasting.values())


async def test_a_claim_has_one_holder_until_it_is_released(stores: Stores, name: str) -> None:
    claims = await asyncio.gather(*(stores.cache.claim(name, str(number), HOUR) for number in range(20)))
    assert claims.count(True) == 1
    holder = str(claims.index(True))
    assert await stores.cache.claim(name, holder, HOUR), "a holder may renew its claim"
    await stores.cache.release(name, "somebody else")
    assert not await stores.cache.claim(name, "somebody else", HOUR)
    await stores.cache.release(name, holder)
    assert await stores.cache.claim(name, "somebody else", HOUR)


async def test_the_cache_store_returns_the_last_value(stores: Stores, name: str) -> None:
    assert await stores.cache.get(name) is None
    for value in (b"one", b"\x00\xfftwo"):
        await stores.cache.put(name, value, HOUR)
        assert await stores.cache.get(name) == value


async def test_replicas_share_a_refused_key_and_an_open_breaker(stores: Stores, name: str) -> None:
    one, other = (ProviderHealth("v", CLOCK, SharedState(stores.quota, name, CLOCK, HOUR)) for _ in range(2))
    for _ in range(3):
        await one.failed(Capability.SEARCH, ProviderUnavailable("v", "down"))
    await other.refresh()
    assert isinstance(other.refusal(Capability.SEARCH), ProviderUnavailable)
    assert other.refusal(Capability.STATUS) is None


async def test_two_replicas_share_a_budget(stores: Stores, name: str) -> None:
    replicas = [Meter("v", name, Plan(7), stores.quota, CLOCK) for _ in range(2)]
    outcomes = await asyncio.gather(
        *(meter.pay("flights") for _ in range(20) for meter in replicas), return_exceptions=True
    )
    assert outcomes.count(None) == 7
    assert {type(outcome) for outcome in outcomes if outcome is not None} == {ProviderQuotaExhausted}


async def test_without_redis_nothing_is_cached_or_spent_and_nothing_breaks(tmp_path: Path, name: str) -> None:
    gone = RedisServer(1)
    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(
            open_stores(load(FlightDataSettings, home=tmp_path, redis_url=gone.url), CLOCK)
        )
        await stores.cache.put(name, b"value", HOUR)
        assert await stores.cache.get(name) is None
        assert await stores.cache.claim(name, "a", HOUR)
        await stores.cache.release(name, "a")
        with pytest.raises(QuotaStoreUnavailable):
            await stores.quota.spend([Charge(name, 1, 1, HOUR)])
        with pytest.raises(ProviderUnavailable):
            await Meter("v", name, Plan(7), stores.quota, CLOCK).pay("flights")
        health = ProviderHealth("v", CLOCK, SharedState(stores.quota, name, CLOCK, HOUR))
        for _ in range(3):
            await health.failed(Capability.SEARCH, ProviderUnavailable("v", "down"))
        await health.refresh()
        assert health.refusal(Capability.SEARCH) is not None
