"""What a key may spend: a monthly budget in the vendor's own units, and how often an endpoint may be asked.

Every call is paid before it leaves, out of a ledger that replicas and restarts share: so neither can be exceeded, whatever fails between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from mesh.clock import Clock
from services.flightdata.providers.provider_errors import (
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderUnavailable,
)
from services.flightdata.quota.file import LedgerUnavailable
from services.flightdata.quota.store import Ledger, Share
from services.flightdata.vendors.learned_restrictions import fingerprint


@dataclass(frozen=True, slots=True)
class Plan:
    """What a key's plan allows. `monthly` 0 is as much as the vendor lets; endpoints are the first part of their paths.

    `costs` are in the budget's units, 1 where nothing is said; `spacing` is the time between two calls of one endpoint.
    """

    monthly: int = 0
    costs: Mapping[str, int] = field(default_factory=dict)
    spacing: Mapping[str, timedelta] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is left of a month's budget, of how much."""

    left: int
    of: int

    @property
    def share(self) -> float:
        """From 1 (untouched) to 0 (used up)."""
        return self.left / self.of


class Meter:
    """Pays for the calls of one key."""

    def __init__(self, provider: str, key: str, plan: Plan, ledger: Ledger, clock: Clock) -> None:
        self._provider, self._plan, self._ledger, self._clock = provider, plan, ledger, clock
        self._account = f"{provider}:{fingerprint(provider, key)}"
        self._counter = f"spent:{self._account}"

    async def pay(self, endpoint: str) -> None:
        """Pays for one call of an endpoint.

        Raises:
            ProviderQuotaExhausted: the month's budget doesn't hold it.
            ProviderRateLimited: the endpoint was asked too short a time ago.
            ProviderUnavailable: nobody knows what has been spent.
        """
        now = self._clock.now()
        month, spacing = self._month(endpoint, now), self._spacing(endpoint)
        shares = [share for share in (month, spacing) if share]
        try:
            refused = await self._ledger.spend(shares) if shares else None
        except LedgerUnavailable as error:
            raise ProviderUnavailable(
                self._provider, "may not be asked while its budget can't be looked up"
            ) from error
        if refused is None:
            return
        if refused.share is spacing:
            raise ProviderRateLimited(
                self._provider,
                f"may not be asked for {endpoint} so soon",
                retry_after=refused.wait,
                told=False,
            )
        raise self.used_up()

    def used_up(self) -> ProviderQuotaExhausted:
        """What it is that the month's budget doesn't hold a call: ours to say, and over as soon as the budget is larger."""
        until = turn_of_month(self._clock.now())
        return ProviderQuotaExhausted(
            self._provider, "the month's budget is used up", until=until, told=False
        )

    async def remaining(self) -> Remaining | None:
        """What is left of the month; None when nobody counts or knows."""
        if not self._plan.monthly:
            return None
        try:
            spent = await self._ledger.spent(self._counter)
        except LedgerUnavailable:
            return None
        return Remaining(max(0, self._plan.monthly - spent), self._plan.monthly)

    def _month(self, endpoint: str, now: datetime) -> Share | None:
        if not self._plan.monthly:
            return None
        return Share(
            self._counter, self._plan.costs.get(endpoint, 1), self._plan.monthly, turn_of_month(now) - now
        )

    def _spacing(self, endpoint: str) -> Share | None:
        between = self._plan.spacing.get(endpoint, timedelta())
        return Share(f"asked:{self._account}:{endpoint}", 1, 1, between) if between else None


def turn_of_month(now: datetime) -> datetime:
    """When the month's budget is given anew."""
    following = (now.astimezone(UTC).replace(day=1) + timedelta(days=32)).replace(day=1)
    return following.replace(hour=0, minute=0, second=0, microsecond=0)
