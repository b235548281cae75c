"""Spending limits of a vendor key: a monthly budget in the vendor's units, and a rate limit per endpoint.

Every call is charged to the quota store before it is sent. The store outlives restarts and is shared by all
replicas, so a crash or a restart can't cause spending above a limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from mesh.clock import Clock
from services.flightdata.providers.errors import (
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderUnavailable,
)
from services.flightdata.quota.quota_file import QuotaStoreUnavailable
from services.flightdata.quota.store import Charge, QuotaStore
from services.flightdata.vendors.learned_restrictions import fingerprint


@dataclass(frozen=True, slots=True)
class Plan:
    """The limits of a key's plan. The name of an endpoint is the first part of its path.

    `monthly` is the budget; 0 means no limit by this service. `costs` are the units charged for a call of an
    endpoint, 1 by default. `spacing` is the minimum time between two calls of an endpoint.
    """

    monthly: int = 0
    costs: Mapping[str, int] = field(default_factory=dict)
    spacing: Mapping[str, timedelta] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Remaining:
    """The units `left` of a month's budget `of` so many units."""

    left: int
    of: int

    @property
    def share(self) -> float:
        """The part of the budget that is left, from 1 (all) to 0 (used up)."""
        return self.left / self.of


class Meter:
    """Charges the calls of one key to the quota store."""

    def __init__(self, provider: str, key: str, plan: Plan, quota: QuotaStore, clock: Clock) -> None:
        self._provider, self._plan, self._quota, self._clock = provider, plan, quota, clock
        self._account = f"{provider}:{fingerprint(provider, key)}"
        self._counter = f"spent:{self._account}"

    async def pay(self, endpoint: str) -> None:
        """Charge one call of an endpoint. Use it before the call.

        Raises:
            ProviderQuotaExhausted: the rest of the month's budget is smaller than the cost of the call.
            ProviderRateLimited: the endpoint's last call was too recent.
            ProviderUnavailable: the quota store can't be read or written.
        """
        now = self._clock.now()
        month, spacing = self._month(endpoint, now), self._spacing(endpoint)
        charges = [charge for charge in (month, spacing) if charge]
        try:
            refused = await self._quota.spend(charges) if charges else None
        except QuotaStoreUnavailable as error:
            raise ProviderUnavailable(self._provider, "not called: its budget can't be read") from error
        if refused is None:
            return
        if refused.charge is spacing:
            detail = f"not called: {endpoint} has a rate limit"
            raise ProviderRateLimited(self._provider, detail, retry_after=refused.wait, by_vendor=False)
        raise self.used_up()

    def used_up(self) -> ProviderQuotaExhausted:
        """Return the error to raise when the month's budget is used up."""
        until = turn_of_month(self._clock.now())
        return ProviderQuotaExhausted(
            self._provider, "the month's budget is used up", until=until, by_vendor=False
        )

    async def remaining(self) -> Remaining | None:
        """Return the rest of the month's budget. None if there is no budget or the store is unavailable."""
        if not self._plan.monthly:
            return None
        try:
            spent = await self._quota.spent(self._counter)
        except QuotaStoreUnavailable:
            return None
        return Remaining(max(0, self._plan.monthly - spent), self._plan.monthly)

    def _month(self, endpoint: str, now: datetime) -> Charge | None:
        if not self._plan.monthly:
            return None
        return Charge(
            self._counter, self._plan.costs.get(endpoint, 1), self._plan.monthly, turn_of_month(now) - now
        )

    def _spacing(self, endpoint: str) -> Charge | None:
        between = self._plan.spacing.get(endpoint, timedelta())
        return Charge(f"asked:{self._account}:{endpoint}", 1, 1, between) if between else None


def turn_of_month(now: datetime) -> datetime:
    """Return the start of the next month (UTC), when a monthly budget is renewed."""
    following = (now.astimezone(UTC).replace(day=1) + timedelta(days=32)).replace(day=1)
    return following.replace(hour=0, minute=0, second=0, microsecond=0)
