"""The configured providers in order of preference, or the sample timetable if none is configured."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from mesh.clock import Clock
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.budgets import Meter, Plan
from services.flightdata.providers.health import REMEMBERED, ProviderHealth
from services.flightdata.providers.protocol import FlightProvider
from services.flightdata.quota.store import QuotaStore, SharedState
from services.flightdata.sample.provider import SampleTimetable
from services.flightdata.settings import FlightDataSettings
from services.flightdata.vendors import aviationstack, flightapi
from services.flightdata.vendors.learned_restrictions import LearnedRestrictions, fingerprint

if TYPE_CHECKING:
    from services.flightdata.vendors.vendor_client import VendorClient

FLIGHTAPI_CREDITS = {"onewaytrip": 2, "roundtrip": 2, "multicity": 5, "compschedule": 2, "schedule": 2}
"""Costs of endpoints in credits; all other endpoints cost one credit."""


@dataclass(frozen=True)
class _Account:
    """One key of one provider, with its limits and health."""

    name: str
    key: str
    meter: Meter
    restrictions: LearnedRestrictions
    health: ProviderHealth

    @classmethod
    def of(cls, name: str, key: str, plan: Plan, quota: QuotaStore, clock: Clock) -> _Account:
        meter = Meter(name, key, plan, quota, clock)
        shared = SharedState(quota, f"health:{name}:{fingerprint(name, key)}", clock, REMEMBERED)
        health = ProviderHealth(name, clock, shared, meter)
        return cls(name, key, meter, LearnedRestrictions(name, key, clock, quota), health)

    async def client(self, base_url: str, timeout_seconds: float, stack: AsyncExitStack) -> VendorClient:
        # Imported here because the import takes 0.1 seconds and is needed only with a vendor key.
        from services.flightdata.vendors.vendor_client import vendor_client

        return await stack.enter_async_context(
            vendor_client(self.name, base_url, self.key, timeout_seconds=timeout_seconds, meter=self.meter)
        )


@asynccontextmanager
async def configured_providers(
    settings: FlightDataSettings, lexicon: Lexicon, clock: Clock, quota: QuotaStore
) -> AsyncIterator[tuple[Sequence[FlightProvider], Mapping[str, ProviderHealth]]]:
    """Yield the configured providers, and their health by name. Close connections when the context ends."""
    async with AsyncExitStack() as stack:
        providers: list[FlightProvider] = []
        health: dict[str, ProviderHealth] = {}
        if key := settings.aviationstack_api_key:
            account = _Account.of(aviationstack.NAME, key, aviationstack_plan(settings), quota, clock)
            providers.append(await _aviationstack(settings, account, lexicon, clock, stack))
            health[account.name] = account.health
        if key := settings.flightapi_api_key:
            plan = Plan(settings.flightapi_monthly_credits, FLIGHTAPI_CREDITS)
            account = _Account.of(flightapi.NAME, key, plan, quota, clock)
            providers.append(await _flightapi(settings, account, lexicon, clock, stack))
            health[account.name] = account.health
        if not providers:
            sample = SampleTimetable(lexicon, clock, settings.flightdata_timetable_seed)
            providers, health = [sample], {sample.name: ProviderHealth(sample.name, clock)}
        yield providers, health


def aviationstack_plan(settings: FlightDataSettings) -> Plan:
    """Return AviationStack's plan. Two endpoints have a rate limit (vendor's change log of 2025-08-19)."""
    spacing = timedelta(seconds=settings.aviationstack_spacing_seconds)
    limited = {"timetable": spacing, "flightsFuture": spacing}
    return Plan(settings.aviationstack_monthly_calls, spacing=limited)


async def _aviationstack(
    settings: FlightDataSettings, account: _Account, lexicon: Lexicon, clock: Clock, stack: AsyncExitStack
) -> FlightProvider:
    from services.flightdata.vendors.aviationstack.provider import AviationStack, FutureWindow

    base_url, timeout = settings.aviationstack_base_url, settings.aviationstack_timeout_seconds
    client = await account.client(base_url, timeout, stack)
    window = FutureWindow(settings.aviationstack_future_first_day, settings.aviationstack_future_last_day)
    return AviationStack(client, lexicon, clock, account.restrictions, window)


async def _flightapi(
    settings: FlightDataSettings, account: _Account, lexicon: Lexicon, clock: Clock, stack: AsyncExitStack
) -> FlightProvider:
    from services.flightdata.vendors.flightapi.provider import FlightApi

    client = await account.client(settings.flightapi_base_url, settings.flightapi_timeout_seconds, stack)
    return FlightApi(client, lexicon, clock, account.restrictions)
