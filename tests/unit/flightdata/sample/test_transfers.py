"""Sample connections use sensible transfer airports, are feasible, and exist between ordinary airports."""

from __future__ import annotations

import random
from datetime import date, timedelta
from itertools import pairwise

import pytest

from services.flightdata.model.queries import FlightQuery, Party
from services.flightdata.model.search_results import Limit
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.sample.connections import LONGEST_RESORT, WITHIN_COUNTRY
from services.flightdata.sample.provider import CONNECTED_PAIRS, ENOUGH_NONSTOP, SampleTimetable
from services.flightdata.sample.schedule import Schedule
from services.flightdata.sample.transfers import MOST_PLACES, Transfers

pytestmark = pytest.mark.unit

DAY = date(2026, 12, 1)


@pytest.fixture
def changes(lexicon: Lexicon, schedule: Schedule) -> Transfers:
    """Transfers over the shared schedule."""
    return Transfers(lexicon, schedule)


def _unlinked(schedule: Schedule, count: int) -> list[tuple[str, str]]:
    served = sorted({code for pair in schedule.network.services for code in pair})
    draw = random.Random(20261201)
    pairs = [tuple(draw.sample(served, 2)) for _ in range(8 * count)]
    return [(a, b) for a, b in pairs if tuple(sorted((a, b))) not in schedule.network.services][:count]


def test_connections_can_be_flown_and_go_where_they_should(changes: Transfers, schedule: Schedule) -> None:
    reached = 0
    for origin, destination in _unlinked(schedule, 120):
        found = changes.connections(origin, destination, DAY, nonstop=())
        reached += bool(found)
        for journey in found:
            assert (journey[0].designator.origin, journey[-1].designator.destination) == (
                origin,
                destination,
            )
            assert journey[0].day == DAY
            assert len(journey) in (2, 3)
            for before, after in pairwise(journey):
                wait = (after.leaves - before.arrives).total_seconds() / 60
                assert WITHIN_COUNTRY <= wait <= LONGEST_RESORT
    assert reached > 90


def test_places_to_change_at_are_few_and_never_an_end(changes: Transfers, schedule: Schedule) -> None:
    for origin, destination in _unlinked(schedule, 60):
        places = changes.places(origin, destination)
        assert len(places) <= MOST_PLACES
        assert not {origin, destination} & set(places)


def test_with_many_nonstop_flights_there_are_no_dominated_connections(
    changes: Transfers, schedule: Schedule
) -> None:
    nonstop = schedule.departures("MAA", "DEL", DAY)
    for journey in changes.connections("MAA", "DEL", DAY, nonstop=nonstop):
        assert not any(d.leaves >= journey[0].leaves and d.arrives <= journey[-1].arrives for d in nonstop)


def test_a_requested_transfer_in_dubai_is_found(changes: Transfers, schedule: Schedule) -> None:
    found = changes.connections(
        "MAA", "LHR", DAY, nonstop=schedule.departures("MAA", "LHR", DAY), via=("DXB",)
    )
    assert found
    assert {journey[0].designator.destination for journey in found} == {"DXB"}


async def test_a_search_connects_only_where_nonstop_flights_are_few(timetable: SampleTimetable) -> None:
    busy = (await timetable.search(FlightQuery(("MAA",), ("DEL",), DAY))).itineraries
    assert len(busy) >= ENOUGH_NONSTOP
    assert all(len(itinerary.segments) == 1 for itinerary in busy)
    far = (await timetable.search(FlightQuery(("IXM",), ("MAN",), DAY))).itineraries
    assert far
    assert all(len(itinerary.segments) > 1 for itinerary in far)
    for itinerary in far:
        changes = pairwise(itinerary.segments)
        assert all(after.departure.at - before.arrival.at > timedelta() for before, after in changes)


async def test_without_a_stop_nothing_is_connected(timetable: SampleTimetable) -> None:
    assert not (await timetable.search(FlightQuery(("IXM",), ("MAN",), DAY, max_stops=0))).itineraries
    assert all(
        len(i.segments) <= 2
        for i in (await timetable.search(FlightQuery(("IXM",), ("MAN",), DAY, max_stops=1))).itineraries
    )


async def test_airports_left_out_of_connections_are_reported(timetable: SampleTimetable) -> None:
    origins, destinations = ("LHR", "LGW"), ("IXM", "IXJ")
    assert len(origins) * len(destinations) > CONNECTED_PAIRS
    assert (await timetable.search(FlightQuery(origins, destinations, DAY))).limits == {Limit.CONNECTIONS}
    assert not (await timetable.search(FlightQuery(("LHR",), destinations, DAY))).limits


async def test_a_through_fare_is_less_than_its_parts(timetable: SampleTimetable) -> None:
    (first, *_) = (
        await timetable.search(FlightQuery(("IXM",), ("MAN",), DAY + timedelta(days=60), currency="INR"))
    ).itineraries
    parts = []
    for segment in first.segments:
        day = segment.departure.time.date()
        query = FlightQuery((segment.departure.airport,), (segment.arrival.airport,), day, currency="INR")
        parts += [i for i in (await timetable.search(query)).itineraries if i.segments == (segment,)]
    assert first.fare
    assert first.fare.total.amount < sum(part.fare.total.amount for part in parts if part.fare)


async def test_children_infants_and_bags_are_in_the_price(timetable: SampleTimetable) -> None:
    async def amounts(party: Party, bags: int = 0) -> dict[str, tuple[float, int | None]]:
        query = FlightQuery(("MAA",), ("DEL",), DAY + timedelta(days=90), party=party, bags=bags)
        return {
            i.id: (float(i.fare.total.amount), i.fare.bags)
            for i in (await timetable.search(query)).itineraries
            if i.fare
        }

    one, child, infant, bags = [
        await amounts(Party(1)),
        await amounts(Party(1, 1)),
        await amounts(Party(1, 0, 1)),
        await amounts(Party(1), 2),
    ]
    for name, (amount, _) in one.items():
        assert amount < infant[name][0] < child[name][0] < 2 * amount
        assert bags[name][0] > amount
        assert bags[name][1] == 2
