"""The stores of quotas and cached answers: in Redis if the settings name one, else in this process and a file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from mesh.clock import Clock
from services.flightdata.caching.store import CacheStore, MemoryCacheStore
from services.flightdata.quota.store import MemoryQuotaStore, QuotaStore
from services.flightdata.settings import FlightDataSettings

REDIS_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Stores:
    """State that replicas and restarts share."""

    quota: QuotaStore
    cache: CacheStore


@asynccontextmanager
async def open_stores(settings: FlightDataSettings, clock: Clock) -> AsyncIterator[Stores]:
    """Open the stores and close them at the end. The service starts even if Redis is unreachable."""
    if not settings.redis_url:
        path = settings.home / "flightdata" / "ledger.json"
        yield Stores(MemoryQuotaStore(clock, path), MemoryCacheStore(clock))
        return
    # Importing the client takes 0.1 seconds, which an installation without Redis saves.
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    from services.flightdata.caching.redis_store import RedisCacheStore
    from services.flightdata.quota.redis_store import RedisQuotaStore

    client: Redis = Redis.from_url(
        settings.redis_url,
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
    )
    async with aclosing(client):
        yield Stores(RedisQuotaStore(client), RedisCacheStore(client))
