"""Requests become queries with their defaults, or are refused by field."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import pytest
from google.type.date_pb2 import Date
from google.type.timeofday_pb2 import TimeOfDay
from readback.flightdata.v1 import flights_pb2

from mesh.errors import InvalidRequest
from services.flightdata.errors import DateInvalid
from services.flightdata.model.fares import Cabin
from services.flightdata.model.queries import Filters, JourneyLeg, Party, Sort, Window
from services.flightdata.wire.requests import query_from
from services.flightdata.wire.values import date_from

pytestmark = pytest.mark.unit


def test_a_request_becomes_a_query_with_its_defaults() -> None:
    query = query_from(
        flights_pb2.SearchFlightsRequest(
            origin="MAA", destination="DEL", depart_date=Date(year=2026, month=11, day=24)
        )
    )
    assert (query.origin, query.destination, query.date) == ("MAA", "DEL", date(2026, 11, 24))
    assert (query.party, query.limit, query.sort, query.cabin, query.filters) == (
        Party(1),
        20,
        Sort.EARLIEST,
        Cabin.ECONOMY,
        Filters(),
    )


def test_a_query_keeps_every_field_of_the_request() -> None:
    request = flights_pb2.SearchFlightsRequest(
        depart_date=Date(year=2026, month=11, day=24),
        depart_from=TimeOfDay(hours=6, minutes=30),
        depart_until=TimeOfDay(hours=24),
        nonstop=True,
        carrier_code="AI",
        sort=flights_pb2.FLIGHT_SORT_CHEAPEST,
        cabin=flights_pb2.CABIN_FIRST,
        passengers=9,
        max_results=100,
    )
    query = query_from(request)
    assert query.filters == Filters(departs=Window(time(6, 30)), max_stops=0, carriers=frozenset({"AI"}))
    assert (query.sort, query.cabin, query.party, query.limit) == (Sort.CHEAPEST, Cabin.FIRST, Party(9), 100)


@pytest.mark.parametrize(
    "message",
    [Date(), Date(year=2026, month=12), Date(year=2026, month=2, day=30), Date(year=-1, month=1, day=1)],
)
def test_a_date_that_does_not_exist_is_refused(message: Date) -> None:
    with pytest.raises(DateInvalid):
        date_from(message)


@pytest.mark.parametrize(
    "wrong",
    [TimeOfDay(hours=25), TimeOfDay(minutes=60), TimeOfDay(hours=24, minutes=1), TimeOfDay(seconds=-1)],
)
def test_a_time_that_does_not_exist_is_refused_by_its_field(wrong: TimeOfDay) -> None:
    request = flights_pb2.SearchFlightsRequest(
        depart_date=Date(year=2026, month=11, day=24), depart_until=wrong
    )
    with pytest.raises(InvalidRequest) as refused:
        query_from(request)
    assert [violation.field for violation in refused.value.violations] == ["depart_until"]


def _request(**more: Any) -> flights_pb2.SearchFlightsRequest:
    return flights_pb2.SearchFlightsRequest(
        origin="MAA", destination="LHR", depart_date=Date(year=2026, month=11, day=24), **more
    )


def test_a_return_date_is_a_leg_back() -> None:
    query = query_from(_request(return_date=Date(year=2026, month=11, day=28)))
    assert query.further == (JourneyLeg("LHR", "MAA", date(2026, 11, 28)),)


def test_further_legs_are_kept_in_their_order() -> None:
    legs = [
        flights_pb2.JourneyLeg(
            origin="LHR", destination="JFK", depart_date=Date(year=2026, month=11, day=day)
        )
        for day in (24, 26)
    ]
    query = query_from(_request(further_legs=legs))
    assert [leg.date.day for leg in query.further] == [24, 26]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"return_date": Date(year=2026, month=11, day=23)}, "return_date"),
        (
            {"further_legs": [flights_pb2.JourneyLeg(depart_date=Date(year=2026, month=11, day=23))]},
            "further_legs",
        ),
        (
            {
                "return_date": Date(year=2026, month=11, day=28),
                "further_legs": [flights_pb2.JourneyLeg(depart_date=Date(year=2026, month=12, day=1))],
            },
            "return_date",
        ),
    ],
    ids=["back before out", "a leg before the one before it", "both ways of saying it"],
)
def test_legs_in_the_wrong_order_are_refused_by_their_field(more: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        query_from(_request(**more))
    assert [violation.field for violation in refused.value.violations] == [field]


def test_several_carriers_may_be_wanted() -> None:
    assert query_from(_request(carrier_code="AI", carrier_codes=["BA", "EK"])).filters.carriers == {
        "AI",
        "BA",
        "EK",
    }


def test_flexible_days_are_sorted_by_price() -> None:
    assert query_from(_request(flexible_days=3)).sort is Sort.CHEAPEST
    assert query_from(_request(flexible_days=3, sort=flights_pb2.FLIGHT_SORT_LATEST)).sort is Sort.LATEST


def test_the_other_fields_are_kept() -> None:
    query = query_from(_request(nearby_airports=True, bags=2, via="DXB", flexible_days=1))
    assert (query.nearby, query.bags, query.via, query.flexible) == (True, 2, "DXB", 1)
