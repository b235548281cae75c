"""A route is told from what is known, and who flies it only when somebody said so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.flightdata.caching.answer_cache import AnswerCache
from services.flightdata.caching.store import MemoryCacheStore
from services.flightdata.errors import SamePlace
from services.flightdata.places import PlaceNotFound
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.errors import ProviderUnavailable
from services.flightdata.providers.routing import ProviderRouter
from services.flightdata.sample.provider import SampleTimetable
from services.flightdata.status.routes import RouteLookup
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit


@pytest.fixture
def desk(lexicon: Lexicon, timetable: SampleTimetable, clock: SimulatedClock) -> RouteLookup:
    """Over the sample timetable."""
    return RouteLookup(
        lexicon, AnswerCache(ProviderRouter([timetable], clock), MemoryCacheStore(clock), clock), clock
    )


async def test_a_route_has_its_distance_time_and_zones(desk: RouteLookup) -> None:
    route = await desk.route("DEL", "NYC")
    assert (route.origin.code, route.destination.code) == ("DEL", "JFK")
    assert 11_600 < route.kilometres < 11_900
    assert timedelta(hours=13) < route.block < timedelta(hours=16)
    assert route.ahead == timedelta(hours=-10, minutes=-30)


async def test_carriers_come_the_busiest_first_and_add_up_to_the_days_flights(
    desk: RouteLookup, timetable: SampleTimetable
) -> None:
    service = (await desk.route("MAA", "DEL")).service
    assert service
    flights = timetable.schedule.departures("MAA", "DEL", service.day)
    assert sum(carrier.flights for carrier in service.carriers) == len(flights)
    assert [c.flights for c in service.carriers] == sorted(
        (c.flights for c in service.carriers), reverse=True
    )
    assert service.provenance.sample


async def test_nobody_flies_is_something_else_than_nobody_knows(
    desk: RouteLookup,
    lexicon: Lexicon,
    timetable: SampleTimetable,
    clock: SimulatedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nobody = (await desk.route("MAA", "BET")).service
    assert nobody
    assert not nobody.carriers

    async def fails(*_: object) -> None:
        raise ProviderUnavailable("sample-timetable", "down")

    monkeypatch.setattr(timetable, "route_status", fails)
    assert (await desk.route("MAA", "DEL")).service is None


async def test_a_city_is_no_route_from_itself_and_an_unknown_code_none_at_all(desk: RouteLookup) -> None:
    with pytest.raises(SamePlace):
        await desk.route("LHR", "LON")
    with pytest.raises(PlaceNotFound):
        await desk.route("XQZ", "DEL")
