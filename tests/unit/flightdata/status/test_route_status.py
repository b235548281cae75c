"""Flights are found by route and approximate time, with the same status as by number."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest

from services.flightdata.caching.answer_cache import AnswerCache
from services.flightdata.caching.store import MemoryCacheStore
from services.flightdata.errors import DateBeyondHorizon, DateInPast, SamePlace
from services.flightdata.model.instants import zone_of
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.routing import ProviderRouter
from services.flightdata.sample.provider import SampleTimetable
from services.flightdata.status.route_status import RoutePosition, RouteStatusService
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit

TODAY = date(2026, 11, 23)


@pytest.fixture
def service(lexicon: Lexicon, timetable: SampleTimetable, clock: SimulatedClock) -> RouteStatusService:
    """A service over the sample timetable."""
    return RouteStatusService(
        lexicon, AnswerCache(ProviderRouter([timetable], clock), MemoryCacheStore(clock), clock), clock
    )


async def test_the_nearest_to_a_time_comes_first(service: RouteStatusService) -> None:
    found = (await service.page("MAA", "DEL", TODAY, time(8, 25))).statuses
    assert found[0].segment.flight == "AI542"
    at = datetime.combine(TODAY, time(8, 25))
    apart = [abs(status.segment.departure.time.replace(tzinfo=None) - at) for status in found]
    assert apart == sorted(apart)


async def test_without_day_and_time_todays_flights_are_in_order_of_departure(
    service: RouteStatusService,
) -> None:
    found = (await service.page("MAA", "DEL", None, None)).statuses
    assert {status.departure_date for status in found} == {TODAY}
    leaves = [status.segment.departure.at.utc for status in found]
    assert leaves == sorted(leaves)


@pytest.mark.parametrize("near", [None, time(8, 25)])
@pytest.mark.parametrize("day", [TODAY, TODAY + timedelta(days=1)])
async def test_pages_have_each_flight_once_though_time_passes_between_them(
    service: RouteStatusService, clock: SimulatedClock, day: date, near: time | None
) -> None:
    everything = await service.page("MAA", "DEL", day, None, size=50)
    found, position = [], None
    while True:
        page = await service.page("MAA", "DEL", day, near, size=3, position=position)
        found += [status.segment.flight for status in page.statuses]
        if page.following is None:
            break
        position = RoutePosition.parse(str(page.following))
        clock.advance(1800)
    assert everything.following is None
    assert sorted(found) == sorted(status.segment.flight for status in everything.statuses)


async def test_todays_flights_nearest_to_now_are_in_order_of_departure(
    service: RouteStatusService, clock: SimulatedClock
) -> None:
    everything = (await service.page("MAA", "DEL", TODAY, None, size=50)).statuses
    clock.advance(6 * 3600)
    now = clock.now().astimezone(zone_of("Asia/Kolkata")).replace(tzinfo=None)
    found = (await service.page("MAA", "DEL", None, None, size=4)).statuses
    farthest = max(abs(one.segment.departure.time.replace(tzinfo=None) - now) for one in found)
    others = [
        one for one in everything if one.segment.flight not in {status.segment.flight for status in found}
    ]
    assert all(abs(one.segment.departure.time.replace(tzinfo=None) - now) >= farthest for one in others)
    assert [one.segment.departure.at.utc for one in found] == sorted(
        one.segment.departure.at.utc for one in found
    )


async def test_route_and_number_give_the_same_status(
    service: RouteStatusService, timetable: SampleTimetable
) -> None:
    for status in (await service.page("BOM", "DEL", TODAY, None)).statuses:
        assert [status] == list(await timetable.status(status.segment.flight, TODAY))


async def test_a_city_covers_its_airports(service: RouteStatusService) -> None:
    found = (await service.page("NYC", "LON", TODAY + timedelta(days=1), None)).statuses
    assert {status.segment.departure.airport for status in found} & {"JFK", "EWR"}


async def test_no_flights_is_an_answer(service: RouteStatusService) -> None:
    assert (await service.page("MAA", "BET", TODAY, None)).statuses == []


async def test_impossible_requests_are_refused(service: RouteStatusService) -> None:
    with pytest.raises(SamePlace):
        await service.page("LHR", "LON", TODAY, None)
    with pytest.raises(DateBeyondHorizon):
        await service.page("MAA", "DEL", TODAY + timedelta(days=331), None)


@pytest.mark.parametrize("day", [date.min, TODAY - timedelta(days=367)])
async def test_a_day_too_long_ago_needs_no_call(
    service: RouteStatusService, monkeypatch: pytest.MonkeyPatch, day: date
) -> None:
    monkeypatch.setattr(SampleTimetable, "route_status", None)
    with pytest.raises(DateInPast):
        await service.page("SYD", "MEL", day, None)
