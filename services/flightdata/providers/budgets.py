"""Spending limits of a vendor key: a monthly budget in the vendor's units, and a rate per endpoint.

Every call is paid before it is sent, from a quota store that replicas and restarts share, so no failure can
exceed a limit.
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
    """The limits of a key's plan; endpoints are named by the first part of their path.

    `monthly` 0 means no own limit. `costs` are in the budget's units, 1 by default. `spacing` is the least
    time between two calls of an endpoint.
    """

    monthly: int = 0
    costs: Mapping[str, int] = field(default_factory=dict)
    spacing: Mapping[str, timedelta] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Remaining:
    """The rest of a month's budget, and its total."""

    left: int
    of: int

    @property
    def share(self) -> float:
        """Return the rest as a share, from 1 (untouched) to 0 (used up)."""
        return self.left / self.of


class Meter:
    """Payment for the calls of one key."""

    def __init__(self, provider: str, key: str, plan: Plan, quota: QuotaStore, clock: Clock) -> None:
        self._provider, self._plan, self._quota, self._clock = provider, plan, quota, clock
        self._account = f"{provider}:{fingerprint(provider, key)}"
        self._counter = f"spent:{self._account}"

    async def pay(self, endpoint: str) -> None:
        """Pay for one call of an endpoint.

        Raises:
            ProviderQuotaExhausted: the month's budget doesn't suffice.
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
        """Return the error for a month's budget that doesn't suffice."""
        until = turn_of_month(self._clock.now())
        return ProviderQuotaExhausted(
            self._provider, "the month's budget is used up", until=until, by_vendor=False
        )

    async def remaining(self) -> Remaining | None:
        """Return the rest of the month's budget; None without a budget, or if it can't be read."""
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
