"""The ledger in Redis: looked at and spent in one step there, so that no two replicas can both take the last of a budget."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.flightdata.shared.ledger import LedgerUnavailable, Refusal, Share

PREFIX = "readback:{flightdata}:"
"""Braces keep the counters of one spending on one node of a cluster."""
_SPEND = """
for i, counter in ipairs(KEYS) do
  local amount, cap = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1])
  if tonumber(redis.call('GET', counter) or '0') + amount > cap then
    return {i, redis.call('PTTL', counter)}
  end
end
for i, counter in ipairs(KEYS) do
  redis.call('INCRBY', counter, ARGV[3 * i - 2])
  if redis.call('PTTL', counter) < 0 then redis.call('PEXPIRE', counter, ARGV[3 * i]) end
end
return {0, 0}
"""


class RedisLedger:
    """Implements `Ledger` for all replicas that share a Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._spend = redis.register_script(_SPEND)

    async def spend(self, shares: Sequence[Share]) -> Refusal | None:
        """See `Ledger`. A spending whose answer is lost may have been done: budgets err on that side."""
        terms = [term for share in shares for term in (share.amount, share.cap, _milliseconds(share.lasts))]
        with _reachable():
            refused, wait = cast("tuple[int, int]", await self._spend(keys=[PREFIX + share.counter for share in shares], args=terms))
        if not refused:
            return None
        share = shares[refused - 1]
        return Refusal(share, timedelta(milliseconds=wait) if wait >= 0 else share.lasts)

    async def spent(self, counter: str) -> int:
        """See `Ledger`."""
        with _reachable():
            return int(await cast("Awaitable[Any]", self._redis.get(PREFIX + counter)) or 0)

    async def note(self, name: str, text: str, lasts: timedelta) -> None:
        """See `Ledger`."""
        with _reachable():
            await self._redis.set(f"{PREFIX}note:{name}", text, px=_milliseconds(lasts))

    async def noted(self, name: str) -> str:
        """See `Ledger`."""
        with _reachable():
            kept = await cast("Awaitable[bytes | None]", self._redis.get(f"{PREFIX}note:{name}"))
        return kept.decode() if kept else ""


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise LedgerUnavailable(type(error).__name__) from error


def _milliseconds(length: timedelta) -> int:
    return max(1, round(length.total_seconds() * 1000))
