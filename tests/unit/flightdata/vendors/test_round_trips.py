"""FlightAPI.io's round trips are one request, have one price, and are re-priced as sold."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import pytest_asyncio
from readback.flightdata.v1 import flights_pb2

from doubles.flightapi.trips import TripRequest, trips
from doubles.world import World
from mesh.contracts.page_tokens import PageTokens
from services.flightdata.caching.answer_cache import AnswerCache
from services.flightdata.caching.store import MemoryCacheStore
from services.flightdata.errors import FlightsUnavailable
from services.flightdata.model.queries import Filters, FlightQuery, SearchLeg, SearchQuery, Sort
from services.flightdata.model.search_results import Found, Results
from services.flightdata.places import load
from services.flightdata.providers.errors import ProviderUnavailable
from services.flightdata.providers.protocol import Capability, FlightProvider
from services.flightdata.providers.routing import ProviderRouter
from services.flightdata.search.flight_search import FlightSearch
from services.flightdata.search.offers import OfferService
from services.flightdata.wire.values import date_from
from tests.simulated_clock import SimulatedClock
from tests.unit.flightdata.providers.test_routing import Scripted
from tests.unit.flightdata.vendors.recorded import flightapi

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)
OUT, BACK = date(2026, 12, 3), date(2026, 12, 10)
BODY = trips(World(), TripRequest("MAA", "LHR", OUT, 1, 0, 0, "Economy", "INR", back=BACK), repeats=0)
LEGS = SearchLeg("MAA", "LHR", OUT), SearchLeg("LHR", "MAA", BACK)
RETURN = SearchQuery(LEGS, sort=Sort.CHEAPEST)


class Seller(Scripted):
    """A provider that sells round trips only, and records its requests."""

    def __init__(self, name: str = "flightapi") -> None:
        super().__init__(name, 1)
        self.queries: list[FlightQuery] = []

    async def search(self, query: FlightQuery) -> Found:
        self.queries.append(query)
        self.say()
        return await flightapi(json.dumps(BODY).encode(), NOW).search(query) if query.back else Found(())


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock on a morning in Chennai."""
    return SimulatedClock(NOW)


def _search(
    clock: SimulatedClock, *providers: FlightProvider
) -> tuple[FlightSearch, OfferService, AnswerCache]:
    router = ProviderRouter(providers, clock)
    answers, offers = (
        AnswerCache(router, MemoryCacheStore(clock), clock),
        OfferService(router, PageTokens(b"a key for tests"), clock),
    )
    return FlightSearch(load(), answers, offers, clock), offers, answers


@pytest_asyncio.fixture
async def result(
    clock: SimulatedClock,
) -> AsyncIterator[tuple[Seller, OfferService, Results, flights_pb2.SearchDone]]:
    seller = Seller()
    search, offers, answers = _search(clock, seller)
    async with answers:
        *_, results, done = [event async for event in search.search(RETURN)]
        assert isinstance(results, Results)
        assert isinstance(done, flights_pb2.SearchDone)
        yield seller, offers, results, done


async def test_both_ways_are_one_question(
    result: tuple[Seller, OfferService, Results, flights_pb2.SearchDone],
) -> None:
    seller, _, _, done = result
    (asked,) = seller.queries
    assert (asked.date, asked.back) == (OUT, BACK)
    assert done.result_count == len(BODY["itineraries"])
    assert [(part.leg_index, date_from(part.departure_date)) for part in done.parts] == [(0, OUT), (1, BACK)]


async def test_a_round_trip_costs_the_sellers_price_for_both_ways(
    result: tuple[Seller, OfferService, Results, flights_pb2.SearchDone],
) -> None:
    _, _, results, _ = result
    asked = {Decimal(str(row["cheapest_price"]["amount"])) for row in BODY["itineraries"]}
    amounts = [journey.fare.total.amount for journey in results.journeys if journey.fare]
    assert len(amounts) == len(results.journeys)
    assert set(amounts) <= asked
    assert amounts == sorted(amounts)
    assert amounts[0] == min(asked)
    assert {itinerary.fare for itinerary in results.itineraries} == {None}, "neither way is sold alone"
    for out, back in (journey.itineraries for journey in results.journeys):
        assert (out.leg, out.departure.airport, out.arrival.airport) == (0, "MAA", "LHR")
        assert (back.leg, back.departure.airport, back.arrival.airport) == (1, "LHR", "MAA")


async def test_an_offer_sells_both_ways_and_is_priced_again_so(
    result: tuple[Seller, OfferService, Results, flights_pb2.SearchDone],
) -> None:
    seller, offers, results, _ = result
    ids = {itinerary.id: itinerary.leg for itinerary in results.itineraries}
    assert results.offers
    assert {tuple(ids[name] for name in offer.itinerary_ids) for offer in results.offers} == {(0, 1)}
    again = await offers.reprice(results.offers[0].id)
    assert seller.queries[-1] == replace(seller.queries[0], origins=("MAA",), destinations=("LHR",))
    assert tuple(itinerary.id for itinerary in again.itineraries) == results.offers[0].itinerary_ids
    assert (again.offer.fare, again.previous) == (results.offers[0].fare, None)


async def test_the_filters_are_held_both_ways(clock: SimulatedClock) -> None:
    search, _, answers = _search(clock, Seller())
    nonstop = replace(RETURN, legs=tuple(replace(leg, filters=Filters(max_stops=0)) for leg in LEGS))
    async with answers:
        *_, results, done = [event async for event in search.search(nonstop)]
    assert isinstance(results, Results)
    assert isinstance(done, flights_pb2.SearchDone)
    assert all(len(itinerary.segments) == 1 for itinerary in results.itineraries)
    assert 0 < done.result_count < done.unfiltered_count * done.unfiltered_count


async def test_a_cached_round_trip_equals_the_original(clock: SimulatedClock) -> None:
    seller = Seller()
    search, _, answers = _search(clock, seller)
    async with answers:
        first, second, third = [[event async for event in search.search(RETURN)][-2:] for _ in range(3)]
    assert len(seller.queries) == 1
    assert second == third
    assert isinstance(first[0], Results)
    assert isinstance(second[0], Results)
    assert [journey.fare for journey in first[0].journeys] == [journey.fare for journey in second[0].journeys]


async def test_other_journeys_are_requested_leg_by_leg(clock: SimulatedClock) -> None:
    for onward in (SearchLeg("LHR", "CDG", BACK), SearchLeg("CCU", "MAA", BACK)):
        seller = Seller()
        search, _, answers = _search(clock, seller)
        async with answers:
            _ = [event async for event in search.search(replace(RETURN, legs=(LEGS[0], onward)))]
        assert [query.back for query in seller.queries] == [None, None]


async def test_a_first_provider_without_round_trips_is_asked_leg_by_leg(clock: SimulatedClock) -> None:
    first = Seller("aviationstack")
    first.able = frozenset({Capability.SEARCH})
    for sort, whole in ((Sort.EARLIEST, False), (Sort.CHEAPEST, True)):
        seller = Seller()
        search, _, answers = _search(clock, first, seller)
        async with answers:
            _ = [event async for event in search.search(replace(RETURN, sort=sort))]
        assert any(query.back for query in seller.queries) is whole
    assert not any(query.back for query in first.queries)


async def test_a_seller_alone_fails_once(clock: SimulatedClock) -> None:
    seller = Seller()
    seller.answer = ProviderUnavailable("flightapi", "down")
    search, _, answers = _search(clock, seller)
    async with answers:
        with pytest.raises(FlightsUnavailable):
            _ = [event async for event in search.search(RETURN)]
    assert len(seller.queries) == 1
