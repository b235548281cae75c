"""An adapter that read only a part of the data reports that."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from doubles.aviationstack.rows import flight_rows, future_rows
from doubles.world import World
from services.flightdata.model.queries import FlightQuery
from services.flightdata.model.search_results import Limit
from services.flightdata.providers.budgets import Plan
from services.flightdata.providers.errors import ProviderRestricted
from services.flightdata.providers.protocol import Direction
from services.flightdata.vendors.aviationstack.provider import MOST_PLACES, PAGE
from services.flightdata.vendors.flightapi.provider import MOST_PAIRS
from tests.unit.flightdata.vendors.recorded import aviationstack, flightapi

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)
TODAY, LATER = NOW.date(), NOW.date() + timedelta(days=9)
FLIGHTS = World().by_pair["MAA", "DEL"]
COMING = [row for flight in FLIGHTS for row in future_rows(flight, LATER)]
A_CALL_A_MINUTE = Plan(spacing={"flightsFuture": timedelta(minutes=1)})


def _results(rows: list[dict[str, Any]]) -> bytes:
    return json.dumps({"pagination": {}, "data": rows}).encode()


def _full(rows: list[dict[str, Any]]) -> bytes:
    """Return a full page."""
    return _results((rows * PAGE)[:PAGE])


async def test_a_listing_is_whole_when_a_page_was_not_full() -> None:
    found = await aviationstack(_results(COMING), NOW).search(FlightQuery(("MAA",), ("DEL",), LATER))
    assert found.itineraries
    assert not found.limits


@pytest.mark.parametrize(
    "plan", [Plan(), A_CALL_A_MINUTE], ids=["the pages end", "the next page has to wait"]
)
async def test_the_beginning_of_a_long_listing_is_marked_as_a_part(plan: Plan) -> None:
    found = await aviationstack(_full(COMING), NOW, plan=plan).search(FlightQuery(("MAA",), ("DEL",), LATER))
    assert found.itineraries
    assert found.limits == {Limit.PART}


async def test_a_part_without_fitting_flights_is_an_error() -> None:
    with pytest.raises(ProviderRestricted):
        await aviationstack(_full(COMING), NOW).search(FlightQuery(("MAA",), ("TRV",), LATER))


@pytest.mark.parametrize(
    ("origins", "destinations", "ahead"),
    [(MOST_PLACES + 1, 1, 0), (1, MOST_PLACES + 1, 0), (MOST_PLACES + 1, 1, 9)],
)
async def test_a_citys_busiest_airports_are_a_part_of_it(origins: int, destinations: int, ahead: int) -> None:
    query = FlightQuery(
        ("LHR", "LGW", "STN")[:origins], ("JFK", "EWR", "LGA")[:destinations], TODAY + timedelta(days=ahead)
    )
    assert (await aviationstack(_results([]), NOW).search(query)).limits == {Limit.PART}


async def test_a_part_of_a_board_is_none() -> None:
    with pytest.raises(ProviderRestricted):
        await aviationstack(_full(COMING), NOW).board("MAA", Direction.DEPARTURES, LATER)
    assert await aviationstack(_results(COMING), NOW).board("MAA", Direction.DEPARTURES, LATER)


async def test_a_search_of_all_airports_is_no_part() -> None:
    rows = [row for flight in FLIGHTS for row in flight_rows(flight, TODAY, NOW)]
    assert not (
        await aviationstack(_results(rows), NOW).search(FlightQuery(("MAA",), ("DEL", "DXN"), TODAY))
    ).limits
    assert not (
        await aviationstack(_results(COMING), NOW).search(FlightQuery(("MAA",), ("DEL", "DXN", "AGR"), LATER))
    ).limits


@pytest.mark.parametrize("origins", [1, MOST_PAIRS, MOST_PAIRS + 1])
async def test_a_citys_busiest_pairs_are_a_part_of_it(origins: int) -> None:
    query = FlightQuery(("LHR", "LGW", "STN")[:origins], ("JFK",), LATER)
    found = await flightapi(json.dumps({"itineraries": []}).encode(), NOW).search(query)
    assert found.limits == ({Limit.PART} if origins > MOST_PAIRS else set())
