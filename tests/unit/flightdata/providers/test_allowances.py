"""No caller causes more paid lookups in a day than its allowance, and refusals concern only that caller."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from readback.options.v1 import options_pb2

from mesh.security.authentication import Principal, set_principal
from services.flightdata.errors import AllowanceExhausted, FlightsUnavailable
from services.flightdata.quota.allowances import DAY, AllowanceLimits, Allowances, set_source
from services.flightdata.quota.quota_file import QuotaStoreUnavailable
from services.flightdata.quota.store import Charge, MemoryQuotaStore, Refusal
from services.flightdata.settings import FlightDataSettings
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit

LIMITS = AllowanceLimits(customer=3, customers=7, anonymous=5, anonymous_source=2)


def caller(customer: str | None, kind: options_pb2.Access.ValueType = options_pb2.ACCESS_CUSTOMER) -> None:
    """Become a customer, or the gateway's own token for an anonymous caller."""
    subject, kind = (customer, kind) if customer else ("gateway", options_pb2.ACCESS_GATEWAY)
    later = datetime.now(UTC) + DAY
    set_principal(Principal(kind, subject, customer, None, None, None, None, later, "token"))


async def lookups(allowances: Allowances, most: int = 20) -> int:
    """Spend until it is refused; return the number of lookups."""
    for count in range(most):
        try:
            await allowances.spend()
        except AllowanceExhausted:
            return count
    return most


@pytest.fixture
def allowances(clock: SimulatedClock) -> Allowances:
    return Allowances(MemoryQuotaStore(clock), LIMITS)


async def test_a_customer_has_a_daily_number_of_lookups_by_every_way(
    allowances: Allowances, clock: SimulatedClock
) -> None:
    caller("ada")
    await allowances.spend()
    caller("ada", options_pb2.ACCESS_AGENT)
    set_source(lambda: "192.0.2.1")
    assert await lookups(allowances) == 2
    caller("bob")
    assert await lookups(allowances) == 3
    clock.advance(DAY.total_seconds())
    caller("ada")
    assert await lookups(allowances) == 3


async def test_all_customers_together_have_a_daily_number_of_lookups(allowances: Allowances) -> None:
    found = []
    for customer in ("ada", "bob", "cleo"):
        caller(customer)
        found.append(await lookups(allowances))
    assert found == [3, 3, 1]
    with pytest.raises(AllowanceExhausted, match="All lookups") as refused:
        await allowances.spend()
    assert refused.value.metadata == {"scope": "customers", "limit": "7"}


async def test_anonymous_callers_share_a_number_of_lookups_and_one_address_has_a_part(
    allowances: Allowances,
) -> None:
    caller(None)
    found = []
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
        set_source(partial(str, address))
        found.append(await lookups(allowances))
    assert found == [2, 2, 1]
    set_source(str)
    assert await lookups(allowances) == 0


async def test_by_default_anonymous_callers_have_none(clock: SimulatedClock) -> None:
    caller(None)
    allowances = Allowances(MemoryQuotaStore(clock), FlightDataSettings().allowances)
    with pytest.raises(AllowanceExhausted, match="sign in") as refused:
        await allowances.spend()
    assert refused.value.metadata == {"scope": "anonymous", "limit": "0"}


async def test_a_call_without_any_token_is_anonymous(clock: SimulatedClock) -> None:
    set_principal(None)
    with pytest.raises(AllowanceExhausted):
        await Allowances(MemoryQuotaStore(clock), AllowanceLimits(9, 9, 0, 9)).spend()


async def test_a_refusal_says_when_to_come_again(allowances: Allowances, clock: SimulatedClock) -> None:
    caller("ada")
    await allowances.spend()
    clock.advance(3600)
    await lookups(allowances)
    with pytest.raises(AllowanceExhausted, match="3 lookups") as refused:
        await allowances.spend()
    assert refused.value.retry_after == DAY - timedelta(hours=1)


class Broken(MemoryQuotaStore):
    """A store that can't be reached."""

    async def spend(self, charges: Sequence[Charge]) -> Refusal | None:
        raise QuotaStoreUnavailable("no Redis")


async def test_without_the_store_nothing_is_spent(clock: SimulatedClock) -> None:
    caller("ada")
    with pytest.raises(FlightsUnavailable):
        await Allowances(Broken(clock), LIMITS).spend()
