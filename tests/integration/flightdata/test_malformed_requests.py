"""Every request gets a status of the contract, never UNKNOWN or INTERNAL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.type.date_pb2 import Date
from google.type.timeofday_pb2 import TimeOfDay
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readback.flightdata.v1 import flight_status_pb2, flightdata_service_pb2, flights_pb2, places_pb2

if TYPE_CHECKING:
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub
from tests.flight_searches import search_request

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

ALLOWED = {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION"}

texts = st.text(max_size=250) | st.sampled_from(
    ["from chinai to deli", "M A A", "fly to to to", "a" * 2001, "I " * 900, "\u0000", "🛫 " * 40]
)
codes = st.sampled_from(
    ["MAA", "DEL", "SYD", "MEL", "LON", "LHR", "XQZ", "000", "maa", "", "TXL", "MAAA"]
) | st.text(max_size=4)
small = st.integers(-(2**31), 2**31 - 1) | st.integers(-1, 12)
countries = st.sampled_from(["", "IN", "in", "ZZ", "IND"])
edges = st.sampled_from(
    [Date(year=1, month=1, day=1), Date(year=2025, month=11, day=20), Date(year=9999, month=12, day=31)]
)
dates = (
    st.builds(Date, year=st.sampled_from([0, 1, 2026, 2027, 9999]) | small, month=small, day=small) | edges
)
times = st.none() | st.builds(TimeOfDay, hours=small, minutes=small, seconds=small, nanos=small)

requests: dict[str, st.SearchStrategy[Any]] = {
    "AnnotatePlaces": st.builds(
        places_pb2.AnnotatePlacesRequest, text=texts, locale=st.text(max_size=40), home_country_code=countries
    ),
    "ResolvePlace": st.builds(
        places_pb2.ResolvePlaceRequest, query=texts, home_country_code=countries, max_candidates=small
    ),
    "GetAirport": st.builds(places_pb2.GetAirportRequest, code=codes),
    "GetRoute": st.builds(flightdata_service_pb2.GetRouteRequest, origin=codes, destination=codes),
    "RepriceOffer": st.builds(
        flights_pb2.RepriceOfferRequest,
        offer_id=texts | st.from_regex("[A-Za-z0-9_-]{1,300}", fullmatch=True),
    ),
    "GetFlightStatus": st.builds(
        flight_status_pb2.GetFlightStatusRequest,
        flight_number=st.sampled_from(["AI542", "AI0", "AI0000", "6E9999", "AI 542", "ai542"])
        | st.text(max_size=8),
        departure_date=st.none() | dates,
    ),
    "ListRouteFlightStatuses": st.builds(
        flight_status_pb2.ListRouteFlightStatusesRequest,
        origin=st.sampled_from(["SYD", "MAA"]) | codes,
        destination=st.sampled_from(["MEL", "DEL"]) | codes,
        departure_date=st.none() | dates,
        near_time=times,
        page_size=small,
    ),
    "SearchFlights": st.builds(
        flights_pb2.SearchFlightsRequest,
        legs=st.lists(
            st.builds(
                flights_pb2.SearchLeg,
                origin=codes,
                origin_kind=small,
                destination=codes,
                departure_date=st.none() | dates | st.just(Date(year=2027, month=1, day=15)),
                departure_time_from=times,
                departure_time_before=times,
                max_stops=st.none() | small,
                carrier_codes=st.lists(st.sampled_from(["", "AI", "ai", "AIC"]), max_size=2),
                flexible_days=small,
            ),
            max_size=3,
        ),
        sort=small,
        cabin=small,
        adults=st.none() | small,
        max_results=small,
    ),
}

known: dict[str, Any] = {
    "ListRouteFlightStatuses": flight_status_pb2.ListRouteFlightStatusesRequest(
        origin="SYD", destination="MEL", departure_date=Date(year=1, month=1, day=1)
    ),
    "SearchFlights": search_request("SYD", "MEL", date(9999, 12, 31), flexible_days=3),
}
"""Edge cases, tried in addition to the generated requests."""


async def _code(call: grpc.aio.Call | AsyncIterator[Any]) -> str:
    try:
        if isinstance(call, grpc.aio.UnaryStreamCall):
            async for _ in call:
                pass
        else:
            await call  # type: ignore[misc]
    except grpc.aio.AioRpcError as refused:
        return refused.code().name
    return "OK"


@pytest.mark.parametrize("method", requests)
async def test_no_request_breaks_the_service(flightdata: FlightDataServiceAsyncStub, method: str) -> None:
    loop = asyncio.get_running_loop()

    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(requests[method] | st.just(known[method]) if method in known else requests[method])
    def holds(request: Any) -> None:
        answered = asyncio.run_coroutine_threadsafe(_code(getattr(flightdata, method)(request)), loop).result(
            20
        )
        assert answered in ALLOWED, request

    await asyncio.to_thread(holds)
