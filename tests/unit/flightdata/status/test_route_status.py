"""Flights are found by route and about when, each as its own number would tell it."""

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
from services.flightdata.status.route_status import RouteStatusService
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit

TODAY = date(2026, 11, 23)


@pytest.fixture
def desk(lexicon: Lexicon, timetable: SampleTimetable, clock: SimulatedClock) -> RouteStatusService:
    """Over the sample timetable."""
    return RouteStatusService(
        lexicon, AnswerCache(ProviderRouter([timetable], clock), MemoryCacheStore(clock), clock), clock
    )


async def test_the_nearest_to_a_time_comes_first(desk: RouteStatusService) -> None:
    found = await desk.statuses("MAA", "DEL", TODAY, time(8, 25))
    assert found[0].segment.flight == "AI542"
    at = datetime.combine(TODAY, time(8, 25))
    apart = [abs(status.segment.departure.time.replace(tzinfo=None) - at) for status in found]
    assert apart == sorted(apart)


async def test_without_a_day_and_a_time_they_are_todays_as_they_leave(desk: RouteStatusService) -> None:
    found = await desk.statuses("MAA", "DEL", None, None)
    assert {status.depart_date for status in found} == {TODAY}
    leaves = [status.segment.departure.at.utc for status in found]
    assert leaves == sorted(leaves)


async def test_of_todays_flights_those_around_now_are_told_in_the_order_they_leave(
    desk: RouteStatusService, clock: SimulatedClock
) -> None:
    everybody = await desk.statuses("MAA", "DEL", TODAY, None, most=50)
    clock.advance(6 * 3600)
    now = clock.now().astimezone(zone_of("Asia/Kolkata")).replace(tzinfo=None)
    told = await desk.statuses("MAA", "DEL", None, None, most=4)
    farthest = max(abs(one.segment.departure.time.replace(tzinfo=None) - now) for one in told)
    others = [
        one for one in everybody if one.segment.flight not in {status.segment.flight for status in told}
    ]
    assert all(abs(one.segment.departure.time.replace(tzinfo=None) - now) >= farthest for one in others)
    assert [one.segment.departure.at.utc for one in told] == sorted(
        one.segment.departure.at.utc for one in told
    )


async def test_route_and_number_tell_the_same(desk: RouteStatusService, timetable: SampleTimetable) -> None:
    for status in await desk.statuses("BOM", "DEL", TODAY, None):
        assert [status] == list(await timetable.status(status.segment.flight, TODAY))


async def test_a_city_is_opened_into_its_airports(desk: RouteStatusService) -> None:
    found = await desk.statuses("NYC", "LON", TODAY + timedelta(days=1), None)
    assert {status.segment.departure.airport for status in found} & {"JFK", "EWR"}


async def test_nobody_flies_there_is_an_answer(desk: RouteStatusService) -> None:
    assert await desk.statuses("MAA", "BET", TODAY, None) == []


async def test_what_can_not_be_known_is_refused(desk: RouteStatusService) -> None:
    with pytest.raises(SamePlace):
        await desk.statuses("LHR", "LON", TODAY, None)
    with pytest.raises(DateBeyondHorizon):
        await desk.statuses("MAA", "DEL", TODAY + timedelta(days=331), None)


@pytest.mark.parametrize("day", [date.min, TODAY - timedelta(days=367)])
async def test_nobody_is_asked_for_a_day_too_long_ago(
    desk: RouteStatusService, monkeypatch: pytest.MonkeyPatch, day: date
) -> None:
    monkeypatch.setattr(SampleTimetable, "route_status", None)
    with pytest.raises(DateInPast):
        await desk.statuses("SYD", "MEL", day, None)
