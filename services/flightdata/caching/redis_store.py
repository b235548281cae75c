"""The shelf in Redis, shared by all replicas. Redis bounds it: set `maxmemory` with `volatile-lru` there.

That evicts answers nobody asked for lately, and no counter of the ledger, which never expires; an `allkeys` policy would take budgets too.
"""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta
from typing import cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.flightdata.quota.redis_store import PREFIX

_CLAIM = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"
_log = structlog.get_logger(__name__)


class RedisShelf:
    """Implements `Shelf`. Without Redis every claim is granted: better asked twice than not at all, and budgets hold regardless."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._claim, self._release = redis.register_script(_CLAIM), redis.register_script(_RELEASE)

    async def get(self, name: str) -> bytes | None:
        """See `Shelf`."""
        try:
            return await cast("Awaitable[bytes | None]", self._redis.get(PREFIX + name))
        except (RedisError, OSError) as error:
            _unreachable(error)
            return None

    async def put(self, name: str, value: bytes, lasts: timedelta) -> None:
        """See `Shelf`."""
        try:
            await self._redis.set(PREFIX + name, value, px=_milliseconds(lasts))
        except (RedisError, OSError) as error:
            _unreachable(error)

    async def claim(self, name: str, holder: str, lasts: timedelta) -> bool:
        """See `Shelf`."""
        try:
            return bool(
                await self._claim(keys=[f"{PREFIX}claim:{name}"], args=[holder, _milliseconds(lasts)])
            )
        except (RedisError, OSError) as error:
            _unreachable(error)
            return True

    async def release(self, name: str, holder: str) -> None:
        """See `Shelf`."""
        try:
            await self._release(keys=[f"{PREFIX}claim:{name}"], args=[holder])
        except (RedisError, OSError) as error:
            _unreachable(error)


def _unreachable(error: Exception) -> None:
    _log.warning(
        "Redis can't be reached; answers are neither kept nor shared meanwhile", error=type(error).__name__
    )


def _milliseconds(length: timedelta) -> int:
    return max(1, round(length.total_seconds() * 1000))
