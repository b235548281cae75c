"""MCP callers without a token don't spend the vendors' month."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from doubles.aviationstack.server import AviationStackDouble
from doubles.flightapi.server import FlightApiDouble
from doubles.serving import served
from doubles.world import World
from mesh.serving.grpc_server import running
from mesh.settings import load
from services.flightdata.app import grpc_service
from services.flightdata.settings import FlightDataSettings
from tests.integration.gateway.conftest import Mesh, assistant

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

WORLD = World()
FLIGHTS = [flight.code for flight in (*WORLD.by_pair["KEF", "OSL"], *WORLD.by_pair["KEF", "AMS"])]
"""Flights from UTC: elsewhere the vendor has no rows of today at some hours and is asked twice."""


@asynccontextmanager
async def over_vendor(
    mesh: Mesh, home: Path, **settings: Any
) -> AsyncIterator[tuple[str, AviationStackDouble]]:
    """Serve a gateway over flight data with a vendor's key; yield its URL and the vendor."""
    double = AviationStackDouble(WORLD)
    async with AsyncExitStack() as stack:
        vendor = f"{await stack.enter_async_context(served(double.app()))}/v1"
        loaded = load(
            FlightDataSettings,
            home=home,
            identity_address=mesh.identity_address,
            AVIATIONSTACK_API_KEY="demo",
            AVIATIONSTACK_BASE_URL=vendor,
            **settings,
        )
        flightdata = await stack.enter_async_context(grpc_service(loaded))
        address = (await stack.enter_async_context(running(flightdata))).address
        gateway = replace(mesh, flightdata_address=address).gateway()
        yield await stack.enter_async_context(gateway), double


async def outcomes(url: str, token: str = "", flights: list[str] = FLIGHTS) -> list[str]:
    """Ask for the status of flights; return "OK" or the reason of the error of each."""
    async with assistant(url, token) as client:
        answers = [await client.call_tool("flight_status", {"flight_number": code}) for code in flights]
    return [answer.structured_content.get("error", {}).get("reason", "OK") for answer in answers]


async def test_an_anonymous_caller_gets_cached_answers_but_spends_nothing(mesh: Mesh, tmp_path: Path) -> None:
    async with over_vendor(mesh, tmp_path) as (url, vendor):
        assert await outcomes(url, flights=FLIGHTS[:2]) == ["ALLOWANCE_EXHAUSTED"] * 2
        assert vendor.calls == []
        assert await outcomes(url, mesh.token, FLIGHTS[:1]) == ["OK"]
        assert await outcomes(url, flights=FLIGHTS[:2]) == ["OK", "ALLOWANCE_EXHAUSTED"]
    assert len(vendor.calls) == 1


async def test_an_address_and_all_anonymous_callers_have_a_daily_allowance(
    mesh: Mesh, tmp_path: Path
) -> None:
    limits = {"flightdata_anonymous_daily_lookups": 9, "flightdata_anonymous_source_daily_lookups": 2}
    async with over_vendor(mesh, tmp_path, **limits) as (url, vendor):
        assert await outcomes(url, flights=FLIGHTS[:3]) == ["OK", "OK", "ALLOWANCE_EXHAUSTED"]
    assert len(vendor.calls) == 2


async def test_a_customer_has_a_daily_allowance(mesh: Mesh, tmp_path: Path) -> None:
    async with over_vendor(mesh, tmp_path, flightdata_customer_daily_lookups=1) as (url, vendor):
        assert await outcomes(url, mesh.token, FLIGHTS[:2]) == ["OK", "ALLOWANCE_EXHAUSTED"]
    assert len(vendor.calls) == 1


async def test_an_offer_of_a_search_is_asked_again(mesh: Mesh, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        vendor = await stack.enter_async_context(served(FlightApiDouble(WORLD).app()))
        settings = load(
            FlightDataSettings,
            home=tmp_path,
            identity_address=mesh.identity_address,
            FLIGHTAPI_API_KEY="demo",
            FLIGHTAPI_BASE_URL=vendor,
        )
        flightdata = await stack.enter_async_context(grpc_service(settings))
        address = (await stack.enter_async_context(running(flightdata))).address
        url = await stack.enter_async_context(replace(mesh, flightdata_address=address).gateway())
        client = await stack.enter_async_context(assistant(url, mesh.token))
        day = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
        leg = {"origin": "OSL", "destination": "LHR", "departure_date": day}
        found = (await client.call_tool("search_flights", {"legs": [leg]})).structured_content
        offer = found["results"]["offers"][0]
        asked = {"offer_id": offer["offer_id"]}
        again = (await client.call_tool("reprice_offer", asked)).structured_content
        assert again["offer"]["fare"] == offer["fare"]
        assert again["itineraries"]
