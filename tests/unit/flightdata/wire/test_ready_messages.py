"""Messages of a cached search are made once, state their age, and hold nothing that has left or expired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, timedelta

import pytest
from readback.flightdata.v1 import flights_pb2

from mesh.contracts.page_tokens import PageTokens
from services.flightdata.caching.answer_cache import AnswerCache
from services.flightdata.caching.store import MemoryCacheStore
from services.flightdata.model.flights import FlightStatus
from services.flightdata.model.queries import FlightQuery, SearchLeg, SearchQuery
from services.flightdata.model.search_results import Found
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.protocol import Capability
from services.flightdata.providers.routing import Progress, ProviderRouter
from services.flightdata.sample.provider import SampleTimetable
from services.flightdata.search.flight_search import FlightSearch
from services.flightdata.search.offers import OfferService
from services.flightdata.wire.messages import search_event
from services.flightdata.wire.ready_messages import EXACT_TO, ReadyMessages
from tests.simulated_clock import SimulatedClock
from tests.unit.flightdata.providers.test_routing import Scripted

pytestmark = pytest.mark.unit


class Vendor(Scripted):
    """Answers with the sample's flights under its own name."""

    def __init__(self, timetable: SampleTimetable) -> None:
        super().__init__("vendor", 1, frozenset(Capability) - {Capability.ROUND_TRIPS})
        self.timetable = timetable

    async def search(self, query: FlightQuery) -> Found:
        self.say()
        return await self.timetable.search(query)

    async def route_status(self, origin: str, destination: str, day: date) -> Sequence[FlightStatus]:
        raise NotImplementedError


@pytest.fixture
def vendor(timetable: SampleTimetable) -> Vendor:
    """A provider that isn't a sample."""
    return Vendor(timetable)


@pytest.fixture
def search(lexicon: Lexicon, vendor: Vendor, clock: SimulatedClock) -> FlightSearch:
    """A search over the vendor, with a cache in memory."""
    router = ProviderRouter([vendor], clock)
    answers = AnswerCache(router, MemoryCacheStore(clock), clock)
    return FlightSearch(lexicon, answers, OfferService(router, PageTokens(b"a key for tests"), clock), clock)


@pytest.fixture
def ready() -> ReadyMessages:
    """No messages yet."""
    return ReadyMessages()


async def _messages(
    search: FlightSearch, ready: ReadyMessages, query: SearchQuery, clock: SimulatedClock
) -> list[flights_pb2.SearchFlightsResponse]:
    """Search as the servicer does, without progress."""
    (answers,) = [event async for event in search.ask(query) if not isinstance(event, Progress)]
    if answers.cached:
        return list(ready.of(query, answers.found, clock.now(), lambda: search.results(answers)))
    return [search_event(event, clock.now()) for event in search.results(answers)]


def _are_same(one: Sequence[object], other: Sequence[object]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


async def test_messages_of_a_cached_search_are_made_once(
    search: FlightSearch, ready: ReadyMessages, vendor: Vendor, clock: SimulatedClock
) -> None:
    query = SearchQuery((SearchLeg("MAA", "DEL", clock.now().date() + timedelta(days=1)),))
    first, second, third = [await _messages(search, ready, query, clock) for _ in range(3)]
    assert vendor.asked == 1
    assert _are_same(second, third)
    ids = [[i.itinerary_id for i in messages[0].results.itineraries] for messages in (first, second)]
    assert ids[0] == ids[1] != []
    assert not first[-1].done.provenances[0].cached
    assert second[-1].done.provenances[0].cached


async def test_another_limit_on_the_same_answer_needs_no_call(
    search: FlightSearch, ready: ReadyMessages, vendor: Vendor, clock: SimulatedClock
) -> None:
    day = clock.now().date() + timedelta(days=1)
    for limit in (1, 2, 1):
        (results, *_) = await _messages(
            search, ready, SearchQuery((SearchLeg("MAA", "DEL", day),), limit=limit), clock
        )
        assert len(results.results.itineraries) == limit
    assert vendor.asked == 1


async def test_each_leg_of_a_journey_is_cached_by_itself(
    search: FlightSearch, ready: ReadyMessages, vendor: Vendor, clock: SimulatedClock
) -> None:
    day = clock.now().date() + timedelta(days=7)
    there = SearchQuery((SearchLeg("MAA", "DEL", day),))
    journey = replace(there, legs=(*there.legs, SearchLeg("DEL", "MAA", day + timedelta(days=3))))
    await _messages(search, ready, there, clock)
    await _messages(search, ready, journey, clock)
    assert vendor.asked == 2
    second, third = [await _messages(search, ready, journey, clock) for _ in range(2)]
    assert vendor.asked == 2
    assert _are_same(second, third)
    results = second[0].results
    assert results.journeys
    assert {itinerary.leg_index for itinerary in results.itineraries} == {0, 1}
    assert all(itinerary.provenance.cached for itinerary in results.itineraries)


async def test_flights_that_have_left_are_not_sent_from_the_cache(
    search: FlightSearch, ready: ReadyMessages, vendor: Vendor, clock: SimulatedClock
) -> None:
    query = SearchQuery((SearchLeg("MAA", "DEL", clock.now().date()),), limit=100)
    await _messages(search, ready, query, clock)
    for _ in range(28):
        clock.advance(60)
        for message in await _messages(search, ready, query, clock):
            departures = [i.segments[0].departure.time for i in message.results.itineraries]
            assert all(departure.ToDatetime(UTC) > clock.now() for departure in departures)
            assert all(offer.expire_time.ToDatetime(UTC) > clock.now() for offer in message.results.offers)


async def test_ages_of_ready_messages_are_updated(
    search: FlightSearch, ready: ReadyMessages, clock: SimulatedClock
) -> None:
    query = SearchQuery((SearchLeg("MAA", "DEL", clock.now().date() + timedelta(days=1)),))
    for _ in range(2):
        first, *_ = await _messages(search, ready, query, clock)
    clock.advance(EXACT_TO.total_seconds() / 2)
    assert (await _messages(search, ready, query, clock))[0] is first
    assert first.results.itineraries[0].provenance.age.ToTimedelta() == timedelta()
    clock.advance(300)
    again, *_ = await _messages(search, ready, query, clock)
    ages = {itinerary.provenance.age.ToTimedelta() for itinerary in again.results.itineraries}
    assert (again is first, ages) == (True, {timedelta(seconds=300) + EXACT_TO / 2})
