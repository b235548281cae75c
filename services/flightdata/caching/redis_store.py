"""The cache store in Redis, shared by all replicas.

Redis limits the size of the cache: set `maxmemory` and the policy `volatile-lru`. This policy evicts the
least recently used answers. It evicts no quota counters, because they have no expiry. An `allkeys` policy
would evict counters too.
"""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta
from typing import cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.flightdata.quota.redis_store import PREFIX, milliseconds

_CLAIM = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"
_log = structlog.get_logger(__name__)


class RedisCacheStore:
    """Implements `CacheStore`.

    While Redis is unreachable, it grants every claim: two calls to a provider are better than none. The quota
    store still limits the calls.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._claim, self._release = redis.register_script(_CLAIM), redis.register_script(_RELEASE)

    async def get(self, name: str) -> bytes | None:
        """See `CacheStore`."""
        try:
            return await cast("Awaitable[bytes | None]", self._redis.get(PREFIX + name))
        except (RedisError, OSError) as error:
            _warn(error)
            return None

    async def put(self, name: str, value: bytes, lasts: timedelta) -> None:
        """See `CacheStore`."""
        try:
            await self._redis.set(PREFIX + name, value, px=milliseconds(lasts))
        except (RedisError, OSError) as error:
            _warn(error)

    async def claim(self, name: str, holder: str, lasts: timedelta) -> bool:
        """See `CacheStore`."""
        try:
            return bool(await self._claim(keys=[f"{PREFIX}claim:{name}"], args=[holder, milliseconds(lasts)]))
        except (RedisError, OSError) as error:
            _warn(error)
            return True

    async def release(self, name: str, holder: str) -> None:
        """See `CacheStore`."""
        try:
            await self._release(keys=[f"{PREFIX}claim:{name}"], args=[holder])
        except (RedisError, OSError) as error:
            _warn(error)


def _warn(error: Exception) -> None:
    _log.warning("flight cache unreachable", store="redis", error=type(error).__name__)
