"""Sample fares behave like real ones."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from statistics import mean

import pytest

from services.flightdata.model.fares import Cabin
from services.flightdata.model.flights import Itinerary
from services.flightdata.sample import tables
from services.flightdata.sample.provider import SampleTimetable
from tests.unit.flightdata.conftest import pair_query

pytestmark = pytest.mark.unit

TODAY = date(2026, 11, 23)


def _amount(itinerary: Itinerary) -> Decimal:
    assert itinerary.fare
    assert itinerary.fare.per_adult
    return itinerary.fare.per_adult.amount


async def _mean(
    timetable: SampleTimetable, origin: str, destination: str, ahead: int, *, cabin: Cabin = Cabin.ECONOMY
) -> float:
    amounts = []
    for day in range(ahead, ahead + 7):
        amounts += [
            _amount(i)
            for i in (
                await timetable.search(pair_query(origin, destination, TODAY + timedelta(days=day), cabin))
            ).itineraries
            if i.fare and len(i.segments) == 1
        ]
    return mean(map(float, amounts))


async def test_farther_is_dearer(timetable: SampleTimetable) -> None:
    near, middle, far = [await _mean(timetable, "DEL", to, 30) for to in ("JAI", "BLR", "JFK")]
    assert near < middle < far


async def test_sooner_is_dearer(timetable: SampleTimetable) -> None:
    assert await _mean(timetable, "MAA", "DEL", 1) > 1.2 * await _mean(timetable, "MAA", "DEL", 40)


async def test_low_cost_carriers_are_cheaper(timetable: SampleTimetable) -> None:
    low: list[float] = []
    full: list[float] = []
    for ahead in range(20, 40):
        for itinerary in (
            await timetable.search(pair_query("BOM", "DEL", TODAY + timedelta(days=ahead)))
        ).itineraries:
            if itinerary.sold_out:
                continue
            carrier = tables.carriers()[itinerary.segments[0].carrier_code]
            (low if carrier.low_cost else full).append(float(_amount(itinerary)))
    assert mean(low) < 0.85 * mean(full)


async def test_front_cabins_are_dearer_and_not_sold_by_low_cost_carriers(timetable: SampleTimetable) -> None:
    assert await _mean(timetable, "DEL", "LHR", 30, cabin=Cabin.BUSINESS) > 2 * await _mean(
        timetable, "DEL", "LHR", 30
    )
    business = (
        await timetable.search(pair_query("MAA", "DEL", TODAY + timedelta(days=9), Cabin.BUSINESS))
    ).itineraries
    assert business
    assert not any(tables.carriers()[i.segments[0].carrier_code].low_cost for i in business)
    assert not (
        await timetable.search(pair_query("MAA", "DEL", TODAY + timedelta(days=9), Cabin.FIRST))
    ).itineraries


async def test_a_domestic_flight_in_india_costs_what_one_expects(timetable: SampleTimetable) -> None:
    assert 4_000 < await _mean(timetable, "MAA", "DEL", 20) < 12_000


async def test_the_same_search_gives_the_same_fares(timetable: SampleTimetable) -> None:
    query = pair_query("MAA", "DEL", TODAY + timedelta(days=3))
    assert await timetable.search(query) == await timetable.search(query)
