"""Vendors' connections name their transfers; only providers with connections are asked for them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import pytest
from readback.flightdata.v1 import flights_pb2

from doubles.flightapi.trips import TripRequest, trips
from doubles.world import World
from mesh.contracts.page_tokens import PageTokens
from services.flightdata.caching.answer_cache import AnswerCache
from services.flightdata.caching.store import MemoryCacheStore
from services.flightdata.errors import FlightsRestricted, FlightsUnavailable
from services.flightdata.model.flights import is_overnight
from services.flightdata.model.queries import FlightQuery, SearchLeg, SearchQuery
from services.flightdata.model.search_results import Found, Results
from services.flightdata.places import load
from services.flightdata.providers.errors import ProviderUnavailable
from services.flightdata.providers.protocol import Capability, FlightProvider
from services.flightdata.providers.routing import ProviderRouter
from services.flightdata.search.flight_search import FlightSearch, SearchEvent
from services.flightdata.search.offers import OfferService
from tests.simulated_clock import SimulatedClock
from tests.unit.flightdata.providers.test_routing import Scripted
from tests.unit.flightdata.vendors.recorded import flightapi

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)
DAY = date(2026, 12, 3)
NONSTOP_ONLY = frozenset({Capability.SEARCH})


def _body() -> dict[str, Any]:
    """Return flights from Chennai to New York, some of them via London Heathrow."""
    return trips(World(), TripRequest("MAA", "JFK", DAY, 1, 0, 0, "Economy", "INR"), repeats=0)


class Vendor(Scripted):
    """A provider that answers with a FlightAPI.io body, or fails."""

    async def search(self, query: FlightQuery) -> Found:
        self.say()
        return await flightapi(json.dumps(_body()).encode(), NOW).search(query)


async def _results(*providers: FlightProvider, via: str) -> list[SearchEvent]:
    clock = SimulatedClock(NOW)
    router = ProviderRouter(providers, clock)
    async with AnswerCache(router, MemoryCacheStore(clock), clock) as answers:
        search = FlightSearch(
            load(), answers, OfferService(router, PageTokens(b"a key for tests"), clock), clock
        )
        return [event async for event in search.search(SearchQuery((SearchLeg("MAA", "JFK", DAY, via=via),)))]


async def test_a_change_of_airports_and_a_night_are_named() -> None:
    body = _body()
    places = {place["display_code"]: place for place in body["places"]}
    body["places"].append(places["LHR"] | {"id": 99, "display_code": "LGW"})
    onward = [row for row in body["segments"] if row["origin_place_id"] == places["LHR"]["id"]]
    assert onward
    for row in onward:
        row |= {"origin_place_id": 99, "departure": "2026-12-05T06:00:00", "arrival": "2026-12-05T09:00:00"}
    found = await flightapi(json.dumps(body).encode(), NOW).search(
        FlightQuery(("MAA",), ("JFK",), DAY, currency="INR")
    )
    changes = [
        (before.arrival, after.departure)
        for itinerary in found.itineraries
        for before, after in pairwise(itinerary.segments)
        if before.arrival.airport == "LHR"
    ]
    assert changes
    for arrival, departure in changes:
        assert (departure.airport, is_overnight(arrival, departure)) == ("LGW", True)


async def test_searches_via_a_place_go_to_providers_with_connections() -> None:
    first, second = Vendor("aviationstack", 1, NONSTOP_ONLY), Vendor("flightapi", 1)
    *_, results, done = await _results(first, second, via="LON")
    assert isinstance(results, Results)
    assert isinstance(done, flights_pb2.SearchDone)
    assert (first.asked, second.asked) == (0, 1)
    assert {itinerary.segments[0].arrival.airport for itinerary in results.itineraries} == {"LHR"}
    assert done.result_count < done.unfiltered_count


async def test_nonstop_flights_are_never_taken_for_the_want_of_connections() -> None:
    first = Vendor("aviationstack", 1, NONSTOP_ONLY)
    with pytest.raises(FlightsRestricted):
        await _results(first, via="LON")
    with pytest.raises(FlightsUnavailable):
        await _results(first, Vendor("flightapi", ProviderUnavailable("flightapi", "down")), via="LON")
    assert first.asked == 0
