"""Requests become queries with their defaults, or are refused by field."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from typing import Any

import pytest
from google.type.date_pb2 import Date
from google.type.timeofday_pb2 import TimeOfDay
from readback.flightdata.v1 import flights_pb2, places_pb2

from mesh.errors import InvalidRequest
from services.flightdata.errors import InvalidDate
from services.flightdata.model.fares import Cabin
from services.flightdata.model.queries import Filters, Party, SearchLeg, Sort, Window
from services.flightdata.places import Kind
from services.flightdata.wire.requests import query_from
from services.flightdata.wire.values import date_from
from tests.flight_searches import search_request

pytestmark = pytest.mark.unit


DAY = date(2026, 11, 24)


def _request(**more: Any) -> flights_pb2.SearchFlightsRequest:
    return search_request("MAA", "LHR", DAY, **more)


def test_a_request_becomes_a_query_with_its_defaults() -> None:
    query = query_from(_request())
    assert query.legs == (SearchLeg("MAA", "LHR", DAY),)
    assert (query.party, query.limit, query.sort, query.cabin) == (
        Party(1),
        20,
        Sort.EARLIEST,
        Cabin.ECONOMY,
    )


def test_a_query_keeps_every_field_of_the_request() -> None:
    request = _request(
        departure_time_from=TimeOfDay(hours=6, minutes=30),
        departure_time_before=TimeOfDay(hours=24),
        max_stops=0,
        carrier_codes=["AI", "BA"],
        origin_kind=places_pb2.PLACE_KIND_METRO,
        via="DXB",
        via_kind=places_pb2.PLACE_KIND_AIRPORT,
        include_nearby_airports=True,
        sort=flights_pb2.FLIGHT_SORT_CHEAPEST,
        cabin=flights_pb2.CABIN_FIRST,
        adults=9,
        bags=2,
        max_results=100,
    )
    query = query_from(request)
    filters = Filters(departs=Window(time(6, 30)), max_stops=0, carriers=frozenset({"AI", "BA"}))
    leg = SearchLeg("MAA", "LHR", DAY, filters, via="DXB", nearby=True)
    assert query.legs == (replace(leg, origin_kind=Kind.METRO, via_kind=Kind.AIRPORT),)
    assert (query.sort, query.cabin, query.party) == (Sort.CHEAPEST, Cabin.FIRST, Party(9))
    assert (query.bags, query.limit) == (2, 100)


@pytest.mark.parametrize(
    "message",
    [Date(), Date(year=2026, month=12), Date(year=2026, month=2, day=30), Date(year=-1, month=1, day=1)],
)
def test_a_date_that_does_not_exist_is_refused(message: Date) -> None:
    with pytest.raises(InvalidDate):
        date_from(message)


@pytest.mark.parametrize(
    "wrong",
    [TimeOfDay(hours=25), TimeOfDay(minutes=60), TimeOfDay(hours=24, minutes=1), TimeOfDay(seconds=-1)],
)
def test_a_time_that_does_not_exist_is_refused_by_its_field(wrong: TimeOfDay) -> None:
    with pytest.raises(InvalidRequest) as refused:
        query_from(_request(departure_time_before=wrong))
    assert [violation.field for violation in refused.value.violations] == ["legs[0].departure_time_before"]


def test_a_return_is_a_second_leg_with_its_own_wishes() -> None:
    request = _request(max_stops=0, back=date(2026, 11, 28))
    request.legs[1].max_stops = 1
    out, back = query_from(request).legs
    assert (back.origin, back.destination, back.date) == ("LHR", "MAA", date(2026, 11, 28))
    assert (out.filters.max_stops, back.filters.max_stops) == (0, 1)


def test_a_leg_before_the_previous_one_is_refused_by_its_field() -> None:
    with pytest.raises(InvalidRequest) as refused:
        query_from(_request(back=date(2026, 11, 23)))
    assert [violation.field for violation in refused.value.violations] == ["legs[1].departure_date"]


@pytest.mark.parametrize(
    ("party", "field"), [({"adults": 8, "children": 2}, "adults"), ({"adults": 1, "infants": 2}, "infants")]
)
def test_an_impossible_party_is_refused_by_its_field(party: dict[str, int], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        query_from(_request(**party))
    assert [violation.field for violation in refused.value.violations] == [field]


def test_flexible_days_are_sorted_by_price() -> None:
    assert query_from(_request(flexible_days=3)).sort is Sort.CHEAPEST
    assert query_from(_request(flexible_days=3, sort=flights_pb2.FLIGHT_SORT_LATEST)).sort is Sort.LATEST
