"""A route's flights are read from the origin's board if no key may ask for them by route."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta

import pytest
import pytest_asyncio

from services.flightdata.caching.answer_cache import AnswerCache
from services.flightdata.caching.store import MemoryCacheStore
from services.flightdata.errors import FlightsRestricted, FlightsUnavailable
from services.flightdata.model.flights import FlightStatus
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.errors import ProviderRestricted, ProviderUnavailable
from services.flightdata.providers.protocol import Capability, Direction
from services.flightdata.providers.routing import ProviderRouter
from services.flightdata.sample.provider import SampleTimetable
from services.flightdata.status.route_status import RouteStatusService
from services.flightdata.status.routes import RouteLookup
from tests.simulated_clock import SimulatedClock
from tests.unit.flightdata.providers.test_routing import Scripted

pytestmark = pytest.mark.unit

TODAY = date(2026, 11, 23)


class Boards(Scripted):
    """A provider with boards of Chennai, whose plan excludes requests by route."""

    def __init__(self, timetable: SampleTimetable) -> None:
        super().__init__("boards", ProviderRestricted("boards", "flights by route"))
        self.timetable = timetable
        self.boards = 0

    async def route_status(self, origin: str, destination: str, day: date) -> Sequence[FlightStatus]:
        self.say()
        return ()

    async def board(self, airport: str, direction: Direction, day: date) -> Sequence[FlightStatus]:
        assert (airport, direction) == ("MAA", Direction.DEPARTURES)
        self.boards += 1
        return [
            flight
            for there in ("COK", "BLR", "SIN")
            for flight in await self.timetable.route_status(airport, there, day)
        ]


@pytest.fixture
def vendor(timetable: SampleTimetable) -> Boards:
    """A provider that isn't a sample."""
    return Boards(timetable)


@pytest_asyncio.fixture
async def cache(vendor: Boards, clock: SimulatedClock) -> AsyncIterator[AnswerCache]:
    """A cache in front of that provider."""
    async with AnswerCache(ProviderRouter([vendor], clock), MemoryCacheStore(clock), clock) as opened:
        yield opened


async def test_todays_flights_of_a_route_are_read_from_the_board(
    cache: AnswerCache, vendor: Boards, lexicon: Lexicon, clock: SimulatedClock
) -> None:
    service = RouteStatusService(lexicon, cache, clock)
    found = (await service.page("MAA", "COK", None, None, size=50)).statuses
    flown = await vendor.timetable.route_status("MAA", "COK", TODAY)
    assert [flight.segment.flight for flight in found] == [flight.segment.flight for flight in flown]
    assert {
        flight.segment.arrival.airport for flight in (await service.page("MAA", "SIN", TODAY, None)).statuses
    } == {"SIN"}
    route = await RouteLookup(lexicon, cache, clock).route("MAA", "COK")
    assert sum(carrier.flight_count for carrier in route.service.carriers) == len(flown)
    assert vendor.boards == 1, "a board serves all its routes"


async def test_an_incomplete_board_of_a_later_day_is_not_paid_for(
    cache: AnswerCache, vendor: Boards, lexicon: Lexicon, clock: SimulatedClock
) -> None:
    with pytest.raises(FlightsRestricted):
        await RouteStatusService(lexicon, cache, clock).page("MAA", "COK", TODAY + timedelta(days=3), None)
    assert vendor.boards == 0


async def test_a_provider_without_boards_is_not_asked_for_one(
    cache: AnswerCache, vendor: Boards, lexicon: Lexicon, clock: SimulatedClock
) -> None:
    vendor.able = frozenset(Capability) - {Capability.BOARD}
    with pytest.raises(FlightsRestricted):
        await RouteStatusService(lexicon, cache, clock).page("MAA", "COK", None, None)
    assert vendor.boards == 0


async def test_a_failure_is_not_hidden_by_a_board(
    cache: AnswerCache, vendor: Boards, lexicon: Lexicon, clock: SimulatedClock
) -> None:
    vendor.answer = ProviderUnavailable("boards", "down")
    with pytest.raises(FlightsUnavailable):
        await RouteStatusService(lexicon, cache, clock).page("MAA", "COK", None, None)
    assert vendor.boards == 0
