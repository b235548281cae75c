"""The vendors' doubles on sockets, and the adapters in front of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from doubles.aviationstack import server as aviationstack
from doubles.flightapi import server as flightapi
from doubles.serving import served
from doubles.world import World
from services.flightdata.places import load
from services.flightdata.vendors.aviationstack.provider import AviationStack
from services.flightdata.vendors.flightapi.provider import FlightApi
from services.flightdata.vendors.learned_restrictions import LearnedRestrictions
from services.flightdata.vendors.vendor_client import vendor_client

KEY = "s3cret+key&of=mine%2"
"""A key with characters that a URL escapes."""
NOW = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)
TODAY = NOW.date()
TIMEOUT_SECONDS = 5.0

OpenAviationStack = Callable[
    ..., AbstractAsyncContextManager[tuple[AviationStack, aviationstack.AviationStackDouble]]
]
OpenFlightApi = Callable[..., AbstractAsyncContextManager[tuple[FlightApi, flightapi.FlightApiDouble]]]


class StandingClock:
    """A clock that starts at `NOW`; sleeping advances it immediately."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return NOW + timedelta(seconds=sum(self.slept))

    def monotonic(self) -> float:
        return sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture(scope="session")
def world() -> World:
    """The doubles' flights."""
    return World()


@pytest.fixture
def clock() -> StandingClock:
    """23 November 2026, 03:30 UTC and 09:00 in India."""
    return StandingClock()


@pytest.fixture
def open_aviationstack(world: World, clock: StandingClock) -> OpenAviationStack:
    """Return a context manager that opens the adapter and its double with the test's terms."""

    @asynccontextmanager
    async def opened(
        timeout: float = TIMEOUT_SECONDS, **terms: object
    ) -> AsyncIterator[tuple[AviationStack, aviationstack.AviationStackDouble]]:
        agreed = aviationstack.Terms(keys=frozenset({KEY}), **terms)  # type: ignore[arg-type]
        double = aviationstack.AviationStackDouble(world, agreed, now=clock.now)
        async with (
            served(double.app()) as url,
            vendor_client("aviationstack", f"{url}/v1", KEY, timeout_seconds=timeout) as client,
        ):
            yield (
                AviationStack(client, load(), clock, LearnedRestrictions("aviationstack", KEY, clock)),
                double,
            )

    return opened


@pytest.fixture
def open_flightapi(world: World, clock: StandingClock) -> OpenFlightApi:
    """Return a context manager that opens the adapter and its double with the test's terms."""

    @asynccontextmanager
    async def opened(
        timeout: float = TIMEOUT_SECONDS, **terms: object
    ) -> AsyncIterator[tuple[FlightApi, flightapi.FlightApiDouble]]:
        agreed = flightapi.Terms(keys=frozenset({KEY}), **terms)  # type: ignore[arg-type]
        double = flightapi.FlightApiDouble(world, agreed, now=clock.now)
        async with (
            served(double.app()) as url,
            vendor_client("flightapi", url, KEY, timeout_seconds=timeout) as client,
        ):
            yield FlightApi(client, load(), clock, LearnedRestrictions("flightapi", KEY, clock)), double

    return opened
