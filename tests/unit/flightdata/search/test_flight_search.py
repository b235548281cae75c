"""A search covers all airports of a city, obeys its filters, counts correctly, and refuses bad dates."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from readback.flightdata.v1 import flights_pb2

from mesh.contracts.page_tokens import PageTokens
from services.flightdata.caching.answer_cache import AnswerCache
from services.flightdata.caching.store import MemoryCacheStore
from services.flightdata.errors import DateBeyondHorizon, DateInPast, FlightsUnavailable, SamePlace
from services.flightdata.model.fares import Cabin
from services.flightdata.model.flights import Doubt, Itinerary
from services.flightdata.model.queries import (
    Filters,
    FlightQuery,
    Party,
    SearchLeg,
    SearchQuery,
    Sort,
    Window,
)
from services.flightdata.model.search_results import Found, Results
from services.flightdata.places import PlaceNotFound
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.errors import ProviderUnavailable
from services.flightdata.providers.routing import Progress, ProviderRouter
from services.flightdata.sample.provider import SampleTimetable
from services.flightdata.search.flight_search import FlightSearch
from services.flightdata.search.offers import OfferService
from services.flightdata.wire.values import date_from
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit

TODAY = date(2026, 11, 23)
TOMORROW = TODAY + timedelta(days=1)
CHENNAI_DELHI = SearchQuery((SearchLeg("MAA", "DEL", TOMORROW),))


def _filtered(filters: Filters) -> SearchQuery:
    return SearchQuery((SearchLeg("MAA", "DEL", TOMORROW, filters),))


@pytest.fixture
def search(lexicon: Lexicon, timetable: SampleTimetable, clock: SimulatedClock) -> FlightSearch:
    """Searches over the sample timetable."""
    router = ProviderRouter([timetable], clock)
    answers = AnswerCache(router, MemoryCacheStore(clock), clock)
    return FlightSearch(lexicon, answers, OfferService(router, PageTokens(b"a key for tests"), clock), clock)


async def _run(search: FlightSearch, query: SearchQuery) -> tuple[list[Itinerary], flights_pb2.SearchDone]:
    events = [event async for event in search.search(query)]
    found = [itinerary for event in events if isinstance(event, Results) for itinerary in event.itineraries]
    assert isinstance(events[-1], flights_pb2.SearchDone)
    assert [event.finished for event in events if isinstance(event, Progress)] == [False, True]
    return found, events[-1]


async def test_a_search_yields_progress_then_results_then_done(search: FlightSearch) -> None:
    kinds = [type(event) async for event in search.search(CHENNAI_DELHI)]
    assert kinds == [Progress, Progress, Results, flights_pb2.SearchDone]


async def test_without_filters_everything_fits(search: FlightSearch) -> None:
    found, done = await _run(search, CHENNAI_DELHI)
    assert done.outcome == flights_pb2.SEARCH_OUTCOME_FOUND
    assert done.result_count == done.unfiltered_count >= len(found) > 5
    assert done.provenances[0].sample


async def test_a_window_keeps_its_start_and_not_its_end(search: FlightSearch) -> None:
    everything, _ = await _run(search, dataclasses.replace(CHENNAI_DELHI, limit=100))
    leaves = sorted(i.departure.time.time() for i in everything)
    window = Filters(departs=Window(leaves[1], leaves[3]))
    found, done = await _run(search, _filtered(window))
    assert [i.departure.time.time() for i in found] == [t for t in leaves if leaves[1] <= t < leaves[3]]
    assert done.result_count == len(found) < done.unfiltered_count == len(everything)


async def test_a_window_may_run_over_midnight(search: FlightSearch) -> None:
    found, _ = await _run(search, _filtered(Filters(departs=Window(time(21), time(6)))))
    assert found
    assert all(i.departure.time.time() >= time(21) or i.departure.time.time() < time(6) for i in found)


async def test_no_fitting_flight_differs_from_no_flight(search: FlightSearch) -> None:
    found, done = await _run(search, _filtered(Filters(departs=Window(time(3), time(4)))))
    assert (found, done.result_count, done.outcome) == ([], 0, flights_pb2.SEARCH_OUTCOME_EMPTY)
    assert done.unfiltered_count > 0
    _, nothing = await _run(search, SearchQuery((SearchLeg("MAA", "BET", TOMORROW),)))
    assert (nothing.result_count, nothing.unfiltered_count) == (0, 0)
    assert nothing.provenances[0].provider == "sample-timetable"


async def test_one_carrier_is_the_only_one(search: FlightSearch) -> None:
    found, _ = await _run(search, _filtered(Filters(carriers=frozenset({"AI"}), max_stops=0)))
    assert {segment.carrier_code for i in found for segment in i.segments} == {"AI"}


async def test_results_come_in_the_order_asked_for(search: FlightSearch) -> None:
    by = {
        sort: (await _run(search, dataclasses.replace(CHENNAI_DELHI, sort=sort, limit=100)))[0]
        for sort in Sort
    }
    leaves = [i.departure.time for i in by[Sort.EARLIEST]]
    assert leaves == sorted(leaves)
    assert [i.departure.time for i in by[Sort.LATEST]] == leaves[::-1] or len(set(leaves)) < len(leaves)
    amounts = [i.fare.total.amount for i in by[Sort.CHEAPEST] if i.fare]
    assert amounts == sorted(amounts)
    assert len(amounts) == len(leaves)
    durations = [i.duration for i in by[Sort.FASTEST]]
    assert durations == sorted(durations)


async def test_a_limit_cuts_results_and_not_the_count(search: FlightSearch) -> None:
    found, done = await _run(search, dataclasses.replace(CHENNAI_DELHI, limit=2))
    assert len(found) == 2
    assert done.result_count > 2


async def test_a_city_covers_its_airports_and_every_result_names_its_own(
    search: FlightSearch, lexicon: Lexicon
) -> None:
    found, _ = await _run(search, SearchQuery((SearchLeg("LON", "NYC", TOMORROW),), limit=100))
    origins = {i.segments[0].departure.airport for i in found}
    destinations = {i.segments[-1].arrival.airport for i in found}
    assert origins <= set(lexicon.place("LON").airports)
    assert destinations <= set(lexicon.place("NYC").airports)
    assert len(destinations) > 1


async def test_passengers_multiply_the_total_and_not_the_price_for_one(search: FlightSearch) -> None:
    alone, _ = await _run(search, CHENNAI_DELHI)
    nine, _ = await _run(search, dataclasses.replace(CHENNAI_DELHI, party=Party(9)))
    for one, many in zip(alone, nine, strict=True):
        assert one.fare
        assert many.fare
        assert many.fare.per_adult == one.fare.total
        assert many.fare.total.amount == 9 * one.fare.total.amount


async def test_the_same_search_gives_the_same_ids_each_once(search: FlightSearch) -> None:
    first, _ = await _run(search, CHENNAI_DELHI)
    again, _ = await _run(search, dataclasses.replace(CHENNAI_DELHI, cabin=Cabin.ECONOMY, sort=Sort.CHEAPEST))
    assert {i.id for i in first} == {i.id for i in again}
    assert len({i.id for i in first}) == len(first)


@pytest.mark.parametrize(
    ("origin", "destination"),
    [("MAA", "MAA"), ("LHR", "LGW"), ("LON", "LHR"), ("DEL", "DXN"), ("NYC", "EWR"), ("BOM", "NMI")],
)
async def test_a_city_has_no_flights_to_itself(search: FlightSearch, origin: str, destination: str) -> None:
    with pytest.raises(SamePlace):
        await _run(search, SearchQuery((SearchLeg(origin, destination, TOMORROW),)))


@pytest.mark.parametrize(("origin", "destination"), [("XQZ", "DEL"), ("DEL", "XQZ")])
async def test_an_unknown_code_is_refused(search: FlightSearch, origin: str, destination: str) -> None:
    with pytest.raises(PlaceNotFound) as refused:
        await _run(search, SearchQuery((SearchLeg(origin, destination, TOMORROW),)))
    assert refused.value.metadata == {"code": "XQZ"}


async def test_withdrawn_codes_still_find_their_city(search: FlightSearch) -> None:
    found, _ = await _run(search, SearchQuery((SearchLeg("DEL", "TSE", TOMORROW),)))
    assert {i.segments[-1].arrival.airport for i in found} <= {"NQZ"}


async def test_today_is_the_departure_airports(search: FlightSearch, clock: SimulatedClock) -> None:
    clock.advance((datetime(2026, 11, 23, 20, 0, tzinfo=UTC) - clock.now()).total_seconds())
    with pytest.raises(DateInPast) as refused:  # already the 24th in India
        await _run(search, SearchQuery((SearchLeg("MAA", "DEL", TODAY),)))
    assert refused.value.metadata == {"today": "2026-11-24", "time_zone": "Asia/Kolkata"}
    await _run(search, SearchQuery((SearchLeg("JFK", "LHR", TODAY),)))  # still the 23rd in New York


async def test_flights_that_have_left_are_not_offered(search: FlightSearch, clock: SimulatedClock) -> None:
    clock.advance(6 * 3600)
    found, _ = await _run(search, SearchQuery((SearchLeg("MAA", "DEL", TODAY),), limit=100))
    assert found
    assert all(i.departure.time > clock.now() for i in found)


async def test_the_horizon_is_the_last_day_that_can_be_searched(search: FlightSearch) -> None:
    found, _ = await _run(search, SearchQuery((SearchLeg("MAA", "DEL", TODAY + timedelta(days=330)),)))
    assert found
    with pytest.raises(DateBeyondHorizon) as refused:
        await _run(search, SearchQuery((SearchLeg("MAA", "DEL", TODAY + timedelta(days=331)),)))
    assert refused.value.metadata == {"last_date": "2027-10-19"}
    with pytest.raises(DateBeyondHorizon):
        await _run(search, SearchQuery((SearchLeg("MAA", "DEL", date(9999, 12, 31)),)))


@pytest.mark.parametrize("day", [date(2027, 3, 14), date(2027, 3, 28), date(2026, 11, 29)])
async def test_days_of_clock_changes_have_flights(search: FlightSearch, day: date) -> None:
    for origin, destination in (("JFK", "LHR"), ("LHR", "JFK"), ("CDG", "MAD")):
        found, _ = await _run(search, SearchQuery((SearchLeg(origin, destination, day),)))
        assert all(i.duration > timedelta() for i in found)


IN_A_WEEK = TODAY + timedelta(days=7)
RETURN = SearchQuery(
    (
        SearchLeg("MAA", "LHR", IN_A_WEEK),
        SearchLeg("LHR", "MAA", IN_A_WEEK + timedelta(days=4)),
    )
)


async def _events(search: FlightSearch, query: SearchQuery) -> tuple[Results, flights_pb2.SearchDone]:
    *_, results, done = [event async for event in search.search(query)]
    assert isinstance(results, Results)
    assert isinstance(done, flights_pb2.SearchDone)
    return results, done


async def test_a_return_gives_journeys_of_one_itinerary_each_way(search: FlightSearch) -> None:
    results, done = await _events(search, dataclasses.replace(RETURN, sort=Sort.CHEAPEST))
    shown = {(itinerary.leg, itinerary.id) for itinerary in results.itineraries}
    for journey in results.journeys:
        out, back = journey.itineraries
        assert {(0, out.id), (1, back.id)} <= shown
        assert (out.departure.airport, back.departure.airport) == ("MAA", "LHR")
        assert back.departure.at.utc > out.arrival.at.utc
    assert done.result_count >= len(results.journeys) > 0
    assert [(part.leg_index, date_from(part.departure_date)) for part in done.parts] == [
        (0, IN_A_WEEK),
        (1, IN_A_WEEK + timedelta(days=4)),
    ]
    amounts = [journey.fare.total.amount for journey in results.journeys if journey.fare]
    assert amounts == sorted(amounts)
    assert {journey.fare.total.currency for journey in results.journeys if journey.fare} == {"INR"}


async def test_a_journey_through_three_cities_is_combined(search: FlightSearch) -> None:
    legs = (
        SearchLeg("MAA", "DXB", IN_A_WEEK),
        SearchLeg("DXB", "LHR", IN_A_WEEK + timedelta(days=2)),
        SearchLeg("LHR", "MAA", IN_A_WEEK + timedelta(days=9)),
    )
    results, _ = await _events(search, SearchQuery(legs, limit=5))
    assert len(results.journeys) == 5
    for journey in results.journeys:
        ends = [(itinerary.departure.airport, itinerary.arrival.airport) for itinerary in journey.itineraries]
        assert ends == [("MAA", "DXB"), ("DXB", "LHR"), ("LHR", "MAA")]


async def test_a_leg_without_flights_gives_no_journey(search: FlightSearch) -> None:
    query = SearchQuery(
        (
            SearchLeg("MAA", "DEL", IN_A_WEEK),
            SearchLeg("DEL", "BET", IN_A_WEEK),
        )
    )
    *_, done = [event async for event in search.search(query)]
    assert isinstance(done, flights_pb2.SearchDone)
    assert (done.result_count, done.unfiltered_count) == (0, 0)
    assert [part.result_count > 0 for part in done.parts] == [True, False]


async def test_flexible_days_are_reported_with_their_cheapest_fare(search: FlightSearch) -> None:
    results, done = await _events(
        search, SearchQuery((SearchLeg("MAA", "DEL", IN_A_WEEK, flexible=3),), sort=Sort.CHEAPEST)
    )
    assert [(date_from(part.departure_date) - IN_A_WEEK).days for part in done.parts] == [
        -3,
        -2,
        -1,
        0,
        1,
        2,
        3,
    ]
    cheapest = min(part.cheapest.total.units for part in done.parts if part.HasField("cheapest"))
    assert results.itineraries[0].fare
    assert results.itineraries[0].fare.total.amount == cheapest
    assert done.result_count == sum(part.result_count for part in done.parts)


async def test_further_results_are_reported(search: FlightSearch) -> None:
    _, done = await _events(search, dataclasses.replace(CHENNAI_DELHI, limit=2))
    assert flights_pb2.SEARCH_LIMIT_RESULTS in done.limits
    _, done = await _events(search, dataclasses.replace(CHENNAI_DELHI, limit=100))
    assert flights_pb2.SEARCH_LIMIT_RESULTS not in done.limits


async def test_sold_out_flights_are_reported_and_come_last(search: FlightSearch) -> None:
    sold_out = 0
    for ahead in range(1, 12):
        results, done = await _events(
            search, SearchQuery((SearchLeg("BOM", "DEL", TODAY + timedelta(days=ahead)),), limit=100)
        )
        full = [itinerary.sold_out for itinerary in results.itineraries]
        assert full == sorted(full)
        assert sum(full) == done.sold_out_count
        sold_out += done.sold_out_count
    assert sold_out


async def test_a_wanted_change_in_dubai_is_made_there(search: FlightSearch) -> None:
    results, done = await _events(search, SearchQuery((SearchLeg("MAA", "LHR", IN_A_WEEK, via="DXB"),)))
    assert {segment.arrival.airport for i in results.itineraries for segment in i.segments[:-1]} == {"DXB"}
    assert done.result_count < done.unfiltered_count


async def test_every_itinerary_has_its_estimated_emissions(search: FlightSearch) -> None:
    results, _ = await _events(search, SearchQuery((SearchLeg("IXM", "MAN", IN_A_WEEK),)))
    for itinerary in results.itineraries:
        assert itinerary.emissions
        assert itinerary.emissions > 1_000_000


async def test_bags_are_in_the_price_or_their_absence_is_reported(
    search: FlightSearch, timetable: SampleTimetable, monkeypatch: Any
) -> None:
    query = dataclasses.replace(CHENNAI_DELHI, bags=1)
    _, done = await _events(search, query)
    assert flights_pb2.SEARCH_LIMIT_BAGS not in done.limits
    found = await timetable.search(FlightQuery(("MAA",), ("DEL",), TOMORROW))

    async def without_bags(_: FlightQuery) -> Found:
        return found

    monkeypatch.setattr(timetable, "search", without_bags)
    _, done = await _events(search, query)
    assert flights_pb2.SEARCH_LIMIT_BAGS in done.limits


async def test_implausible_itineraries_are_left_out_and_counted(
    search: FlightSearch, timetable: SampleTimetable, monkeypatch: Any
) -> None:
    found = await timetable.search(FlightQuery(("MAA",), ("DEL",), TOMORROW))
    first, *rest = found.itineraries
    doubtful = dataclasses.replace(first.segments[0], doubts=frozenset({Doubt.IMPOSSIBLE_DURATION}))
    itineraries = (dataclasses.replace(first, segments=(doubtful, *first.segments[1:])), *rest)

    async def with_doubt(_: FlightQuery) -> Found:
        return dataclasses.replace(found, itineraries=itineraries)

    monkeypatch.setattr(timetable, "search", with_doubt)
    shown, done = await _run(search, dataclasses.replace(CHENNAI_DELHI, limit=100))
    assert first.id not in {itinerary.id for itinerary in shown}
    assert (done.implausible_count, done.unfiltered_count) == (1, len(rest))


async def test_nearby_airports_are_searched_if_allowed(search: FlightSearch) -> None:
    alone, _ = await _events(search, SearchQuery((SearchLeg("MAN", "AMS", IN_A_WEEK),), limit=100))
    assert {itinerary.departure.airport for itinerary in alone.itineraries} == {"MAN"}
    nearby, _ = await _events(
        search, SearchQuery((SearchLeg("MAN", "AMS", IN_A_WEEK, nearby=True),), limit=100)
    )
    assert {itinerary.departure.airport for itinerary in nearby.itineraries} > {"MAN"}


async def test_days_are_queried_three_at_a_time_and_reported_in_order(
    search: FlightSearch, timetable: SampleTimetable, monkeypatch: Any
) -> None:
    asked: list[date] = []
    most: list[int] = []
    under_way: set[date] = set()
    find = timetable.search

    async def slow(query: FlightQuery) -> Found:
        asked.append(query.date)
        under_way.add(query.date)
        most.append(len(under_way))
        # The later a day was asked for, the sooner it is answered.
        for _ in range(40 - 5 * len(asked)):
            await asyncio.sleep(0)
        under_way.remove(query.date)
        return await find(query)

    monkeypatch.setattr(timetable, "search", slow)
    _, done = await _events(
        search, SearchQuery((SearchLeg("MAA", "DEL", IN_A_WEEK, flexible=3),), sort=Sort.CHEAPEST)
    )
    assert max(most) == 3
    assert asked == [IN_A_WEEK + timedelta(days=ahead) for ahead in range(-3, 4)]
    assert [date_from(part.departure_date) for part in done.parts] == asked


async def test_a_failed_day_ends_the_search_without_further_queries(
    search: FlightSearch, timetable: SampleTimetable, monkeypatch: Any
) -> None:
    asked: list[date] = []

    async def failing(query: FlightQuery) -> Found:
        asked.append(query.date)
        raise ProviderUnavailable("sample-timetable", "is down")

    monkeypatch.setattr(timetable, "search", failing)
    with pytest.raises(FlightsUnavailable):
        await _run(search, SearchQuery((SearchLeg("MAA", "DEL", IN_A_WEEK, flexible=3),)))
    assert len(set(asked)) <= 3
