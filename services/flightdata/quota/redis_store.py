"""The ledger in Redis: looked at and spent in one step there, so that no two replicas can both take the last of a budget.

A counter holds its own end, by Redis's clock, and never expires: none of the `volatile` policies can evict it, whatever room answers take.
There is one for each key and spaced endpoint, so they needn't be cleaned away. What was learned may go; it is learned anew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.flightdata.quota.file import LedgerUnavailable
from services.flightdata.quota.store import Refusal, Share

PREFIX = "readback:{flightdata}:"
"""Braces keep the counters of one spending on one node of a cluster."""
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
  local amount, cap, lasts = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local held, ends = look(counter)
  ends = ends or now + lasts
  if held + amount > cap then return {{i, ends - now}} end
  after[i] = {{held + amount, string.format('%.0f', ends)}}
end
for i, counter in ipairs(KEYS) do
  redis.call('HSET', counter, 'held', after[i][1], 'ends', after[i][2])
end
return {{0, 0}}
"""


class RedisLedger:
    """Implements `Ledger` for all replicas that share a Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._spend, self._spent = redis.register_script(_SPEND), redis.register_script(_SPENT)

    async def spend(self, shares: Sequence[Share]) -> Refusal | None:
        """See `Ledger`. A spending whose answer is lost may have been done: budgets err on that side."""
        terms = [term for share in shares for term in (share.amount, share.cap, _milliseconds(share.lasts))]
        with _reachable():
            refused, wait = cast(
                "tuple[int, int]",
                await self._spend(keys=[_counter(share.counter) for share in shares], args=terms),
            )
        if not refused:
            return None
        return Refusal(shares[refused - 1], timedelta(milliseconds=wait))

    async def spent(self, counter: str) -> int:
        """See `Ledger`."""
        with _reachable():
            return int(await cast("Awaitable[Any]", self._spent(keys=[_counter(counter)])))

    async def note(self, subject: str, fact: str, text: str, lasts: timedelta) -> None:
        """See `Ledger`."""
        with _reachable():
            async with self._redis.pipeline(transaction=True) as both:
                both.hset(_facts(subject), fact, text)
                both.pexpire(_facts(subject), _milliseconds(lasts))
                await both.execute()

    async def noted(self, subject: str) -> Mapping[str, str]:
        """See `Ledger`."""
        with _reachable():
            kept = await cast("Awaitable[dict[bytes, bytes]]", self._redis.hgetall(_facts(subject)))
        return {fact.decode(): text.decode(errors="replace") for fact, text in kept.items()}


def _counter(name: str) -> str:
    return f"{PREFIX}counter:{name}"


def _facts(subject: str) -> str:
    return f"{PREFIX}facts:{subject}"


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise LedgerUnavailable(type(error).__name__) from error


def _milliseconds(length: timedelta) -> int:
    return max(1, round(length.total_seconds() * 1000))
