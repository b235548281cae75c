"""Where this installation shares: in Redis when the settings name one, and otherwise in this process with a file beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from mesh.clock import Clock
from services.flightdata.caching.store import MemoryShelf, Shelf
from services.flightdata.quota.store import Ledger, MemoryLedger
from services.flightdata.settings import FlightDataSettings

PATIENCE_SECONDS = 2.0
"""How long Redis may take to answer."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What replicas and restarts share."""

    ledger: Ledger
    shelf: Shelf


@asynccontextmanager
async def shared(settings: FlightDataSettings, clock: Clock) -> AsyncIterator[Shared]:
    """Open until the end. Redis that can't be reached doesn't keep a service from starting."""
    if not settings.redis_url:
        yield Shared(MemoryLedger(clock, settings.home / "flightdata" / "ledger.json"), MemoryShelf(clock))
        return
    async with _over_redis(settings.redis_url) as common:
        yield common


@asynccontextmanager
async def _over_redis(url: str) -> AsyncIterator[Shared]:
    # Its client takes a tenth of a second to import, which who runs alone need not wait for.
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    from services.flightdata.caching.redis_store import RedisShelf
    from services.flightdata.quota.redis_store import RedisLedger

    client: Redis = Redis.from_url(
        url,
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=PATIENCE_SECONDS,
        socket_timeout=PATIENCE_SECONDS,
    )
    async with aclosing(client):
        yield Shared(RedisLedger(client), RedisShelf(client))
