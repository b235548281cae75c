"""A route has facts from the tables, and carriers only if a provider answered."""

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
from services.flightdata.wire.values import date_from
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.unit


@pytest.fixture
def lookup(lexicon: Lexicon, timetable: SampleTimetable, clock: SimulatedClock) -> RouteLookup:
    """A lookup over the sample timetable."""
    return RouteLookup(
        lexicon, AnswerCache(ProviderRouter([timetable], clock), MemoryCacheStore(clock), clock), clock
    )


async def test_a_route_has_its_distance_time_and_zones(lookup: RouteLookup) -> None:
    route = await lookup.route("DEL", "NYC")
    assert (route.origin_airport_code, route.destination_airport_code) == ("DEL", "JFK")
    assert 11_600 < route.distance_km < 11_900
    assert timedelta(hours=13) < route.block_duration.ToTimedelta() < timedelta(hours=16)
    assert route.time_difference.ToTimedelta() == timedelta(hours=-10, minutes=-30)


async def test_carriers_are_sorted_by_flights_and_add_up_to_the_days_flights(
    lookup: RouteLookup, timetable: SampleTimetable
) -> None:
    service = (await lookup.route("MAA", "DEL")).service
    assert service.nonstop
    flights = timetable.schedule.departures("MAA", "DEL", date_from(service.departure_date))
    assert sum(carrier.flight_count for carrier in service.carriers) == len(flights)
    assert [c.flight_count for c in service.carriers] == sorted(
        (c.flight_count for c in service.carriers), reverse=True
    )
    assert service.provenance.sample


async def test_no_carrier_differs_from_no_answer(
    lookup: RouteLookup,
    lexicon: Lexicon,
    timetable: SampleTimetable,
    clock: SimulatedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    route = await lookup.route("MAA", "BET")
    assert route.HasField("service")
    assert not route.service.nonstop
    assert not route.service.carriers

    async def fails(*_: object) -> None:
        raise ProviderUnavailable("sample-timetable", "down")

    monkeypatch.setattr(timetable, "route_status", fails)
    assert not (await lookup.route("MAA", "DEL")).HasField("service")


async def test_a_city_has_no_route_to_itself_and_an_unknown_code_none_at_all(lookup: RouteLookup) -> None:
    with pytest.raises(SamePlace):
        await lookup.route("LHR", "LON")
    with pytest.raises(PlaceNotFound):
        await lookup.route("XQZ", "DEL")
