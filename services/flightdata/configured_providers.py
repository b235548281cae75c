"""The providers that the settings name, in the order they are asked; the sample timetable when they name none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from mesh.clock import Clock
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers import FlightProvider
from services.flightdata.sample.provider import SampleTimetable
from services.flightdata.settings import FlightDataSettings
from services.flightdata.vendors import aviationstack, flightapi
from services.flightdata.vendors.aviationstack.provider import AviationStack, FutureWindow
from services.flightdata.vendors.flightapi.provider import FlightApi
from services.flightdata.vendors.learned_restrictions import LearnedRestrictions
from services.flightdata.vendors.vendor_client import vendor_client


@asynccontextmanager
async def configured_providers(settings: FlightDataSettings, lexicon: Lexicon, clock: Clock) -> AsyncIterator[Sequence[FlightProvider]]:
    """Providers with open connections, which are closed at the end."""
    async with AsyncExitStack() as stack:
        vendors: list[FlightProvider] = []
        if settings.aviationstack_api_key:
            vendors.append(await _aviationstack(settings, lexicon, clock, stack))
        if settings.flightapi_api_key:
            vendors.append(await _flightapi(settings, lexicon, clock, stack))
        yield vendors or [SampleTimetable(lexicon, clock, settings.flightdata_timetable_seed)]


async def _aviationstack(settings: FlightDataSettings, lexicon: Lexicon, clock: Clock, stack: AsyncExitStack) -> FlightProvider:
    name, key = aviationstack.NAME, settings.aviationstack_api_key
    timeout = settings.aviationstack_timeout_seconds
    client = await stack.enter_async_context(vendor_client(name, settings.aviationstack_base_url, key, timeout_seconds=timeout))
    window = FutureWindow(settings.aviationstack_future_first_day, settings.aviationstack_future_last_day)
    return AviationStack(client, lexicon, clock, _restrictions(settings, name, key, clock), window)


async def _flightapi(settings: FlightDataSettings, lexicon: Lexicon, clock: Clock, stack: AsyncExitStack) -> FlightProvider:
    name, key = flightapi.NAME, settings.flightapi_api_key
    timeout = settings.flightapi_timeout_seconds
    client = await stack.enter_async_context(vendor_client(name, settings.flightapi_base_url, key, timeout_seconds=timeout))
    return FlightApi(client, lexicon, clock, _restrictions(settings, name, key, clock))


def _restrictions(settings: FlightDataSettings, provider: str, key: str, clock: Clock) -> LearnedRestrictions:
    return LearnedRestrictions(provider, key, clock, settings.home / "flightdata" / f"{provider}-restrictions.json")
