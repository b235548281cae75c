"""Invariants of every sample flight, checked on a thousand pairs over thirty days."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, timedelta
from itertools import permutations

import pytest

from services.flightdata.model.flights import State
from services.flightdata.model.queries import FlightQuery, Party
from services.flightdata.places.geography import distance_km
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.sample import tables
from services.flightdata.sample.provider import SampleTimetable
from services.flightdata.sample.schedule import Departure, Schedule
from tests.simulated_clock import SimulatedClock
from tests.unit.flightdata.conftest import SEED, pair_query

pytestmark = pytest.mark.unit

PAIRS, DAYS = 1000, 30
TODAY = date(2026, 11, 23)


@pytest.fixture
def drawn(schedule: Schedule) -> list[tuple[str, str]]:
    """Draw a thousand ordered pairs."""
    seed = 20261123
    print(f"pairs drawn with seed {seed}")
    pairs = sorted(pair for a, b in schedule.network.services for pair in ((a, b), (b, a)))
    return random.Random(seed).sample(pairs, PAIRS)


def _departures(schedule: Schedule, pairs: list[tuple[str, str]], days: int) -> Iterator[Departure]:
    for ahead in range(days):
        for origin, destination in pairs:
            yield from schedule.departures(origin, destination, TODAY + timedelta(days=ahead))


def test_flights_arrive_after_they_leave_and_take_a_plausible_time(
    schedule: Schedule, lexicon: Lexicon, drawn: list[tuple[str, str]]
) -> None:
    for departure in _departures(schedule, drawn, DAYS):
        designator = departure.designator
        hours = (departure.arrives.astimezone(UTC) - departure.leaves.astimezone(UTC)).total_seconds() / 3600
        kilometres = distance_km(
            lexicon.airports[designator.origin], lexicon.airports[designator.destination]
        )
        expected = kilometres / 800 + 0.75
        assert hours > 0, designator
        assert abs(hours - expected) <= max(0.9, 0.3 * expected), designator


def test_no_number_flies_twice_a_day(schedule: Schedule, drawn: list[tuple[str, str]]) -> None:
    for ahead in range(DAYS):
        day = TODAY + timedelta(days=ahead)
        numbers = [
            d.designator.flight
            for origin, destination in drawn
            for d in schedule.departures(origin, destination, day)
        ]
        assert len(numbers) == len(set(numbers))


def test_flights_leave_on_the_local_day_asked_for_in_the_local_zone(
    schedule: Schedule, lexicon: Lexicon, drawn: list[tuple[str, str]]
) -> None:
    for departure in _departures(schedule, drawn, 3):
        designator = departure.designator
        assert departure.leaves.date() == departure.day
        assert str(departure.leaves.tzinfo) == lexicon.airports[designator.origin].zone
        assert str(departure.arrives.tzinfo) == lexicon.airports[designator.destination].zone


def test_every_pair_is_flown_every_day(schedule: Schedule, drawn: list[tuple[str, str]]) -> None:
    for ahead in range(7):
        assert all(schedule.departures(*pair, TODAY + timedelta(days=ahead)) for pair in drawn)


def test_more_than_three_thousand_city_pairs_are_flown(schedule: Schedule, lexicon: Lexicon) -> None:
    cities = {frozenset(lexicon.airports[code].metro for code in pair) for pair in schedule.network.services}
    assert len(cities) > 3000


def test_all_pairs_among_the_sixty_busiest_airports_are_flown(schedule: Schedule) -> None:
    busiest = tables.core_airports()[:60]
    assert len(set(busiest)) == 60
    assert all(tuple(sorted(pair)) in schedule.network.services for pair in permutations(busiest, 2))


def test_every_number_stands_for_one_flight_and_back(schedule: Schedule) -> None:
    seen = set()
    for pair, services in schedule.network.services.items():
        for service in services:
            for origin in pair:
                for designator in schedule.numbering.designators(service, origin):
                    assert schedule.numbering.designator(designator.carrier, designator.number) == designator
                    assert designator.flight not in seen
                    seen.add(designator.flight)


def test_a_second_timetable_of_the_same_seed_is_the_same_and_of_another_is_not(
    lexicon: Lexicon, schedule: Schedule
) -> None:
    again, other = Schedule(lexicon, SEED), Schedule(lexicon, "another")
    assert again.departures("MAA", "DEL", TODAY) == schedule.departures("MAA", "DEL", TODAY)
    assert again.network.services == schedule.network.services
    assert other.departures("MAA", "DEL", TODAY) != schedule.departures("MAA", "DEL", TODAY)


def test_the_timetable_is_this_one_on_every_machine(schedule: Schedule) -> None:
    found = {
        d.designator.flight: f"{d.leaves:%H:%M}-{d.arrives:%H:%M}"
        for d in schedule.departures("MAA", "DEL", TODAY)
    }
    assert found["AI542"] == "08:20-11:05"


async def test_search_and_status_agree(
    timetable: SampleTimetable, clock: SimulatedClock, drawn: list[tuple[str, str]]
) -> None:
    for origin, destination in drawn[:150]:
        for day in (TODAY, TODAY + timedelta(days=1), TODAY + timedelta(days=17)):
            for itinerary in (
                await timetable.search(pair_query(origin, destination, max(day, TODAY)))
            ).itineraries:
                for segment in itinerary.segments:
                    (status,) = await timetable.status(segment.flight, segment.departure.time.date())
                    assert status.segment == segment
                    assert status.state is not State.CANCELLED


async def test_fares_are_in_the_currency_of_the_origin_and_rounded(
    timetable: SampleTimetable, lexicon: Lexicon, drawn: list[tuple[str, str]]
) -> None:
    known = tables.currencies()
    for origin, destination in drawn[:150]:
        query = FlightQuery((origin,), (destination,), TODAY + timedelta(days=10), party=Party(2, 1))
        for itinerary in (await timetable.search(query)).itineraries:
            if itinerary.sold_out:
                continue
            assert itinerary.fare
            assert itinerary.fare.per_adult
            code = itinerary.fare.total.currency
            assert (
                code
                == known.get(lexicon.currencies[lexicon.airports[origin].country_code], known["USD"]).code
            )
            assert itinerary.fare.per_adult.amount > 0
            assert itinerary.fare.per_adult.amount % known[code].step == 0
            assert itinerary.fare.total.amount % known[code].step == 0
            assert 2 < itinerary.fare.total.amount / itinerary.fare.per_adult.amount < 3


async def test_every_record_is_labelled_as_sample(timetable: SampleTimetable) -> None:
    found = (await timetable.search(pair_query("MAA", "DEL", TODAY + timedelta(days=1)))).itineraries
    provenances = {itinerary.provenance for itinerary in found} | {
        (await timetable.status("AI542", TODAY))[0].provenance
    }
    assert {(p.provider, p.sample, p.cached) for p in provenances} == {("sample-timetable", True, False)}
