"""The quota store in Redis, shared by all replicas.

A script checks and spends in one step, so two replicas can't both spend the last units. A counter stores the
time of its reset, by Redis's clock. The counters of vendor keys and their rate-limited endpoints are few and
have no Redis expiry, so no `volatile` eviction policy removes them. The counters of callers expire. Facts may
be evicted; the replicas then learn them again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.flightdata.quota.quota_file import QuotaStoreUnavailable
from services.flightdata.quota.store import Charge, Refusal

PREFIX = "readback:{flightdata}:"
"""Prefix of all keys. Because of the braces, a Redis cluster stores all of them on one node."""
_LOOK = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function look(counter)
  local kept = redis.call('HMGET', counter, 'held', 'ends')
  local ends = tonumber(kept[2] or '0')
  if ends <= now then return 0, nil end
  return tonumber(kept[1]), ends
end
"""
_SPENT = f"{_LOOK} return (look(KEYS[1]))"
_SPEND = f"""{_LOOK}
local after = {{}}
for i, counter in ipairs(KEYS) do
  local amount, cap, lasts = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2]), tonumber(ARGV[4 * i - 1])
  local held, ends = look(counter)
  ends = ends or now + lasts
  if held + amount > cap then return {{i, ends - now}} end
  after[i] = {{held + amount, string.format('%.0f', ends), ends - now}}
end
for i, counter in ipairs(KEYS) do
  redis.call('HSET', counter, 'held', after[i][1], 'ends', after[i][2])
  if ARGV[4 * i] == '1' then redis.call('PEXPIRE', counter, after[i][3]) end
end
return {{0, 0}}
"""


class RedisQuotaStore:
    """Implements `QuotaStore` for all replicas that share a Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._spend, self._spent = redis.register_script(_SPEND), redis.register_script(_SPENT)

    async def spend(self, charges: Sequence[Charge]) -> Refusal | None:
        """See `QuotaStore`. If Redis's reply is lost, the charges may count although this method raises."""
        keys = [_counter(charge.counter) for charge in charges]
        arguments = [n for c in charges for n in (c.amount, c.limit, milliseconds(c.lasts), int(c.expires))]
        with _redis_errors():
            refused, wait = cast("tuple[int, int]", await self._spend(keys=keys, args=arguments))
        return Refusal(charges[refused - 1], timedelta(milliseconds=wait)) if refused else None

    async def spent(self, counter: str) -> int:
        """See `QuotaStore`."""
        with _redis_errors():
            return int(await cast("Awaitable[Any]", self._spent(keys=[_counter(counter)])))

    async def set_fact(self, subject: str, fact: str, text: str, lasts: timedelta) -> None:
        """See `QuotaStore`."""
        with _redis_errors():
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hset(_facts(subject), fact, text)
                pipeline.pexpire(_facts(subject), milliseconds(lasts))
                await pipeline.execute()

    async def facts(self, subject: str) -> Mapping[str, str]:
        """See `QuotaStore`."""
        with _redis_errors():
            kept = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(_facts(subject)))
        return {fact.decode(): text.decode(errors="replace") for fact, text in kept.items()}


def _counter(name: str) -> str:
    return f"{PREFIX}counter:{name}"


def _facts(subject: str) -> str:
    return f"{PREFIX}facts:{subject}"


@contextmanager
def _redis_errors() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise QuotaStoreUnavailable(type(error).__name__) from error


def milliseconds(length: timedelta) -> int:
    """Return a duration in milliseconds, at least 1 because Redis rejects zero."""
    return max(1, round(length.total_seconds() * 1000))
