"""What is told again is worked out and written once, tells its age, and holds nothing that has left or expired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import date, timedelta
from typing import Any

import pytest

from mesh.contracts.page_tokens import PageTokens
from services.flightdata.caching.answer_cache import Answers
from services.flightdata.caching.store import MemoryShelf
from services.flightdata.model.fares import Cabin
from services.flightdata.model.flights import FlightStatus
from services.flightdata.model.found import Found
from services.flightdata.model.queries import FlightQuery, Party
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.protocol import Capability
from services.flightdata.providers.routing import ProviderRouter
from services.flightdata.sample.provider import SampleTimetable
from services.flightdata.search.leg_queries import JourneyLeg, SearchQuery
from services.flightdata.search.offers import OfferDesk
from services.flightdata.search.searching import Done, FlightSearch, Results, SearchEvent, question
from services.flightdata.search.written_events import EXACT_TO, WrittenEvents
from tests.simulated_clock import SimulatedClock
from tests.unit.flightdata.providers.test_routing import Scripted

pytestmark = pytest.mark.unit


class Vendor(Scripted):
    """Tells the sample's flights under its own name."""

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
    """Searches over it, kept in memory."""
    router = ProviderRouter([vendor], clock)
    answers = Answers(router, MemoryShelf(clock), clock)
    return FlightSearch(lexicon, answers, OfferDesk(router, PageTokens(b"a key for tests"), clock), clock)


async def _told(search: FlightSearch, query: SearchQuery) -> list[SearchEvent]:
    return [event async for event in search.search(query) if isinstance(event, Results | Done)]


async def test_an_answer_told_again_is_worked_out_once(
    search: FlightSearch, vendor: Vendor, clock: SimulatedClock
) -> None:
    query = SearchQuery("MAA", "DEL", clock.now().date() + timedelta(days=1))
    first, second, third = [await _told(search, query) for _ in range(3)]
    assert vendor.asked == 1
    assert [event is again for event, again in zip(second, third, strict=True)] == [True] * len(second)
    assert isinstance(first[0], Results)
    assert isinstance(second[0], Results)
    assert [i.id for i in first[0].itineraries] == [i.id for i in second[0].itineraries]
    assert isinstance(second[-1], Done)
    assert second[-1].provenance.cached


async def test_other_wishes_of_the_same_answer_are_worked_out_anew_without_a_call(
    search: FlightSearch, vendor: Vendor, clock: SimulatedClock
) -> None:
    day = clock.now().date() + timedelta(days=1)
    for limit in (1, 2, 1):
        (results, *_) = await _told(search, SearchQuery("MAA", "DEL", day, limit=limit))
        assert isinstance(results, Results)
        assert len(results.itineraries) == limit
    assert vendor.asked == 1


CHENNAI_DELHI = FlightQuery(("MAA",), ("DEL",), date(2026, 11, 30))


@pytest.mark.parametrize(
    "other",
    [
        {"origins": ("BOM",)},
        {"destinations": ("BLR",)},
        {"date": date(2026, 12, 1)},
        {"cabin": Cabin.BUSINESS},
        {"party": Party(2)},
        {"currency": "EUR"},
        {"max_stops": 0},
        {"via": ("HYD",)},
        {"bags": 1},
        {"back": date(2026, 12, 4)},
    ],
    ids=lambda other: next(iter(other)),
)
def test_whatever_may_change_the_answer_is_another_question(other: dict[str, Any]) -> None:
    assert question(replace(CHENNAI_DELHI, **other)).name != question(CHENNAI_DELHI).name


def test_no_field_of_a_query_was_forgotten() -> None:
    names = {
        "origins",
        "destinations",
        "date",
        "cabin",
        "party",
        "currency",
        "max_stops",
        "via",
        "bags",
        "back",
    }
    assert {field.name for field in fields(FlightQuery)} == names


async def test_each_leg_of_a_journey_is_kept_by_itself(
    search: FlightSearch, vendor: Vendor, clock: SimulatedClock
) -> None:
    day = clock.now().date() + timedelta(days=7)
    there = SearchQuery("MAA", "DEL", day)
    journey = replace(there, further=(JourneyLeg("DEL", "MAA", day + timedelta(days=3)),))
    await _told(search, there)
    await _told(search, journey)
    assert vendor.asked == 2
    second, third = [await _told(search, journey) for _ in range(2)]
    assert vendor.asked == 2
    assert [event is again for event, again in zip(second, third, strict=True)] == [True] * len(second)
    results = second[0]
    assert isinstance(results, Results)
    assert results.journeys
    assert {itinerary.leg for itinerary in results.itineraries} == {0, 1}
    assert all(itinerary.provenance.cached for itinerary in results.itineraries)


async def test_what_has_left_meanwhile_is_not_told_again(
    search: FlightSearch, vendor: Vendor, clock: SimulatedClock
) -> None:
    query = SearchQuery("MAA", "DEL", clock.now().date(), limit=100)
    await _told(search, query)
    for _ in range(28):
        clock.advance(60)
        for event in await _told(search, query):
            if isinstance(event, Results):
                assert all(i.departure.at.utc > clock.now() for i in event.itineraries)
                assert all(offer.expires > clock.now() for offer in event.offers)


async def test_the_message_of_an_event_is_written_once_and_ages(
    search: FlightSearch, clock: SimulatedClock
) -> None:
    query, written = SearchQuery("MAA", "DEL", clock.now().date() + timedelta(days=1)), WrittenEvents()
    for _ in range(2):
        events = await _told(search, query)
    one = written.message(events[0], clock.now())
    clock.advance(EXACT_TO.total_seconds() / 2)
    assert written.message(events[0], clock.now()) is one
    assert one.results.itineraries[0].provenance.age.ToTimedelta() == timedelta()
    clock.advance(300)
    again = written.message(events[0], clock.now())
    ages = {itinerary.provenance.age.ToTimedelta() for itinerary in again.results.itineraries}
    assert (again is one, ages) == (True, {timedelta(seconds=300) + EXACT_TO / 2})


async def test_what_is_not_from_a_cache_is_not_held(search: FlightSearch, clock: SimulatedClock) -> None:
    written = WrittenEvents()
    (event, *_) = await _told(search, SearchQuery("MAA", "DEL", clock.now().date() + timedelta(days=1)))
    assert written.message(event, clock.now()) is not written.message(event, clock.now())
