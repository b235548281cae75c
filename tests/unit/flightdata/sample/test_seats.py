"""Seats only decrease towards departure, and a full flight is reported without a fare."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from services.flightdata.model.fares import Cabin
from services.flightdata.model.flights import Itinerary
from services.flightdata.model.queries import FlightQuery, Party
from services.flightdata.sample.fares import FEW, SOLD_OUT, seats_left
from services.flightdata.sample.provider import SampleTimetable
from services.flightdata.sample.schedule import Schedule
from tests.unit.flightdata.conftest import SEED

pytestmark = pytest.mark.unit

TODAY = date(2026, 11, 23)


def test_seats_only_become_fewer(schedule: Schedule) -> None:
    for departure in schedule.departures("BOM", "DEL", TODAY + timedelta(days=200)):
        left = [
            seats_left(SEED, departure, Cabin.ECONOMY, departure.day - timedelta(days=ahead))
            for ahead in range(200, -1, -1)
        ]
        numbers = [FEW + 1 if seats is None else seats for seats in left]
        assert numbers == sorted(numbers, reverse=True)
        assert all(0 <= number <= FEW + 1 for number in numbers)


def test_as_many_are_sold_out_as_are_meant_to_be(schedule: Schedule) -> None:
    departures = [
        d for day in range(300) for d in schedule.departures("BOM", "DEL", TODAY + timedelta(days=day))
    ]
    full = sum(seats_left(SEED, d, Cabin.ECONOMY, d.day - timedelta(days=1)) == 0 for d in departures) / len(
        departures
    )
    assert full == pytest.approx(dict(SOLD_OUT)[1], abs=0.015)


async def test_a_sold_out_flight_has_no_fare(timetable: SampleTimetable) -> None:
    found: list[Itinerary] = []
    for ahead in range(1, 20):
        found += (
            await timetable.search(FlightQuery(("BOM",), ("DEL",), TODAY + timedelta(days=ahead)))
        ).itineraries
    assert any(itinerary.seats_left == 0 for itinerary in found)
    for itinerary in found:
        assert (itinerary.fare is None) == (itinerary.seats_left == 0) == itinerary.sold_out


async def test_a_large_party_needs_its_seats(timetable: SampleTimetable) -> None:
    few = 0
    for ahead in range(1, 20):
        query = FlightQuery(("BOM",), ("DEL",), TODAY + timedelta(days=ahead), party=Party(4, 2, 1))
        for itinerary in (await timetable.search(query)).itineraries:
            short = itinerary.seats_left is not None and itinerary.seats_left < query.party.seats
            assert itinerary.sold_out == short
            few += short
    assert few


def test_flights_that_documentation_names_are_never_full(schedule: Schedule) -> None:
    for ahead in range(300):
        departures = schedule.departures("MAA", "DEL", TODAY + timedelta(days=ahead))
        (named,) = [d for d in departures if d.designator.flight == "AI542"]
        assert seats_left(SEED, named, Cabin.ECONOMY, named.day) is None
