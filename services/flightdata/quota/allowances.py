"""Allowances: the number of paid lookups that one caller, and all callers together, may cause in a day.

They keep a few callers from spending the month's budget of a vendor. A lookup is a question to the vendors
that the cache can't answer. Sample flights, cached answers and lookups that are already running are free.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta

from mesh.security.authentication import principal_or_none
from mesh.security.security_log import security_log
from services.flightdata.errors import AllowanceExhausted, FlightsUnavailable
from services.flightdata.providers.errors import Problem
from services.flightdata.quota.quota_file import QuotaStoreUnavailable
from services.flightdata.quota.store import Charge, QuotaStore

DAY = timedelta(days=1)
RETRY_AFTER = timedelta(seconds=30)
"""Time to wait before a retry if the quota store is unavailable."""
Spend = Callable[[], Awaitable[None]]
"""Counts one paid lookup for the caller of the RPC being handled; see `Allowances.spend`."""
_source: ContextVar[Callable[[], str]] = ContextVar("source", default=str)


def set_source(address: Callable[[], str]) -> None:
    """Set how to get the network address of the caller of the RPC being handled; empty if it is unknown.

    It is called only for lookups, because most answers are cached.
    """
    _source.set(address)


async def free() -> None:
    """Count nothing. It is the `Spend` of components without allowances."""


@dataclass(frozen=True, slots=True)
class AllowanceLimits:
    """Paid lookups a day: of one customer, of all customers, of all callers without an account, and of one
    address of these."""

    customer: int
    customers: int
    anonymous: int
    anonymous_source: int


class Allowances:
    """Counts paid lookups in the quota store, so all replicas share the counts."""

    def __init__(self, quota: QuotaStore, limits: AllowanceLimits) -> None:
        self._quota, self._limits = quota, limits

    async def spend(self) -> None:
        """Count one paid lookup for the caller of the RPC being handled.

        Raises:
            AllowanceExhausted: the caller's lookups of the day are used up.
            FlightsUnavailable: the quota store can't be read or written.
        """
        principal = principal_or_none()
        customer = principal.customer_id if principal else None
        try:
            refused = await self._quota.spend(self._charges(customer))
        except QuotaStoreUnavailable as error:
            raise FlightsUnavailable(
                {"quota store": Problem.UNAVAILABLE.name}, retry_after=RETRY_AFTER
            ) from error
        if refused:
            charge = refused.charge
            security_log.record("allowance spent", _source.get()(), customer=customer, limit=charge.limit)
            kind = "customers" if charge.counter == _counter("customers") else "customer"
            scope = kind if customer else "anonymous"
            raise AllowanceExhausted(scope, limit=charge.limit, retry_after=refused.wait)

    def _charges(self, customer: str | None) -> Sequence[Charge]:
        limits = self._limits
        if customer is not None:
            own = _charge(f"customer:{_digest(customer)}", limits.customer)
            return [own, _charge("customers", limits.customers)]
        source = _source.get()()
        by_source = [_charge(f"source:{_digest(source)}", limits.anonymous_source)] if source else []
        return [_charge("anonymous", limits.anonymous), *by_source]


def _charge(caller: str, limit: int) -> Charge:
    return Charge(_counter(caller), 1, limit, DAY, expires=True)


def _counter(caller: str) -> str:
    return f"lookups:{caller}"


def _digest(caller: str) -> str:
    # The store doesn't need to know who asks.
    return hashlib.sha256(caller.encode()).hexdigest()[:24]
