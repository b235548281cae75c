"""Requests of the contract become queries, with their defaults, or are refused by their field."""

from __future__ import annotations

from datetime import date, time

import pytest
from google.type.date_pb2 import Date
from google.type.timeofday_pb2 import TimeOfDay
from readback.flightdata.v1 import flightdata_service_pb2 as pb

from mesh.errors import InvalidRequest
from services.flightdata.cabins import Cabin
from services.flightdata.errors import DateInvalid
from services.flightdata.message_values import day_from
from services.flightdata.queries import Filters, Party, Sort, Window
from services.flightdata.search_requests import query_from

pytestmark = pytest.mark.unit


def test_a_request_becomes_a_query_with_its_defaults() -> None:
    query = query_from(pb.SearchFlightsRequest(origin="MAA", destination="DEL", depart_date=Date(year=2026, month=11, day=24)))
    assert (query.origin, query.destination, query.date) == ("MAA", "DEL", date(2026, 11, 24))
    assert (query.party, query.limit, query.sort, query.cabin, query.filters) == (Party(1), 20, Sort.EARLIEST, Cabin.ECONOMY, Filters())


def test_a_request_keeps_what_it_asks_for() -> None:
    request = pb.SearchFlightsRequest(
        depart_date=Date(year=2026, month=11, day=24),
        depart_from=TimeOfDay(hours=6, minutes=30),
        depart_until=TimeOfDay(hours=24),
        nonstop=True,
        carrier_code="AI",
        sort=pb.FLIGHT_SORT_CHEAPEST,
        cabin=pb.CABIN_FIRST,
        passengers=9,
        max_results=100,
    )
    query = query_from(request)
    assert query.filters == Filters(departs=Window(time(6, 30)), max_stops=0, carriers=frozenset({"AI"}))
    assert (query.sort, query.cabin, query.party, query.limit) == (Sort.CHEAPEST, Cabin.FIRST, Party(9), 100)


@pytest.mark.parametrize("message", [Date(), Date(year=2026, month=12), Date(year=2026, month=2, day=30), Date(year=-1, month=1, day=1)])
def test_what_is_no_day_is_refused(message: Date) -> None:
    with pytest.raises(DateInvalid):
        day_from(message)


@pytest.mark.parametrize("wrong", [TimeOfDay(hours=25), TimeOfDay(minutes=60), TimeOfDay(hours=24, minutes=1), TimeOfDay(seconds=-1)])
def test_what_is_no_time_of_day_is_refused_by_its_field(wrong: TimeOfDay) -> None:
    request = pb.SearchFlightsRequest(depart_date=Date(year=2026, month=11, day=24), depart_until=wrong)
    with pytest.raises(InvalidRequest) as refused:
        query_from(request)
    assert [violation.field for violation in refused.value.violations] == ["depart_until"]
