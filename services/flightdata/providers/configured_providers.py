"""The configured providers in order of preference; the sample timetable if there are none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import NamedTuple

from mesh.clock import Clock
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers import health as provider_health
from services.flightdata.providers.budgets import Meter, Plan
from services.flightdata.providers.health import ProviderHealth
from services.flightdata.providers.protocol import FlightProvider
from services.flightdata.quota.shared_state import SharedState
from services.flightdata.quota.store import QuotaStore
from services.flightdata.sample.provider import SampleTimetable
from services.flightdata.settings import FlightDataSettings
from services.flightdata.vendors import aviationstack, flightapi
from services.flightdata.vendors.learned_restrictions import LearnedRestrictions, fingerprint

FLIGHTAPI_CREDITS = {"onewaytrip": 2, "roundtrip": 2, "multicity": 5, "compschedule": 2, "schedule": 2}
"""Costs of endpoints; all others cost one credit."""


class Configured(NamedTuple):
    """Providers, and their health by name."""

    providers: Sequence[FlightProvider]
    health: Mapping[str, ProviderHealth]


class _Account(NamedTuple):
    """The limits and the health of one key of one provider."""

    meter: Meter
    restrictions: LearnedRestrictions
    health: ProviderHealth


@asynccontextmanager
async def configured_providers(
    settings: FlightDataSettings, lexicon: Lexicon, clock: Clock, ledger: QuotaStore
) -> AsyncIterator[Configured]:
    """Open the configured providers, and close their connections at the end."""
    async with AsyncExitStack() as stack:
        providers: list[FlightProvider] = []
        health: dict[str, ProviderHealth] = {}
        if settings.aviationstack_api_key:
            plan = aviationstack_plan(settings)
            account = _account(aviationstack.NAME, settings.aviationstack_api_key, plan, ledger, clock)
            providers.append(await _aviationstack(settings, account, lexicon, clock, stack))
            health[aviationstack.NAME] = account.health
        if settings.flightapi_api_key:
            plan = Plan(settings.flightapi_monthly_credits, FLIGHTAPI_CREDITS)
            account = _account(flightapi.NAME, settings.flightapi_api_key, plan, ledger, clock)
            providers.append(await _flightapi(settings, account, lexicon, clock, stack))
            health[flightapi.NAME] = account.health
        if not providers:
            sample = SampleTimetable(lexicon, clock, settings.flightdata_timetable_seed)
            providers, health = [sample], {sample.name: ProviderHealth(sample.name, clock)}
        yield Configured(providers, health)


def aviationstack_plan(settings: FlightDataSettings) -> Plan:
    """Return AviationStack's plan; two endpoints have a rate limit (vendor's change log of 2025-08-19)."""
    spacing = timedelta(seconds=settings.aviationstack_spacing_seconds)
    return Plan(
        settings.aviationstack_monthly_calls, spacing={"timetable": spacing, "flightsFuture": spacing}
    )


def _account(name: str, key: str, plan: Plan, ledger: QuotaStore, clock: Clock) -> _Account:
    meter = Meter(name, key, plan, ledger, clock)
    note = SharedState(ledger, f"health:{name}:{fingerprint(name, key)}", clock, provider_health.REMEMBERED)
    return _Account(
        meter, LearnedRestrictions(name, key, clock, ledger), ProviderHealth(name, clock, note, meter)
    )


async def _aviationstack(
    settings: FlightDataSettings, account: _Account, lexicon: Lexicon, clock: Clock, stack: AsyncExitStack
) -> FlightProvider:
    # Imported only if configured, which saves a tenth of a second at start-up without keys.
    from services.flightdata.vendors.aviationstack.provider import AviationStack, FutureWindow
    from services.flightdata.vendors.vendor_client import vendor_client

    client = await stack.enter_async_context(
        vendor_client(
            aviationstack.NAME,
            settings.aviationstack_base_url,
            settings.aviationstack_api_key,
            timeout_seconds=settings.aviationstack_timeout_seconds,
            meter=account.meter,
        )
    )
    window = FutureWindow(settings.aviationstack_future_first_day, settings.aviationstack_future_last_day)
    return AviationStack(client, lexicon, clock, account.restrictions, window)


async def _flightapi(
    settings: FlightDataSettings, account: _Account, lexicon: Lexicon, clock: Clock, stack: AsyncExitStack
) -> FlightProvider:
    from services.flightdata.vendors.flightapi.provider import FlightApi
    from services.flightdata.vendors.vendor_client import vendor_client

    client = await stack.enter_async_context(
        vendor_client(
            flightapi.NAME,
            settings.flightapi_base_url,
            settings.flightapi_api_key,
            timeout_seconds=settings.flightapi_timeout_seconds,
            meter=account.meter,
        )
    )
    return FlightApi(client, lexicon, clock, account.restrictions)
