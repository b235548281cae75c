"""Codes are accepted as people write them."""

from __future__ import annotations

import pytest
from google.protobuf.message import Message
from google.type.date_pb2 import Date
from readback.flightdata.v1 import flight_status_pb2, flightdata_service_pb2, flights_pb2, places_pb2

from mesh.contracts.codes import normalise_codes
from mesh.contracts.validation import validate

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("written", ["AI542", "ai542", " AI 542", "ai-542", "Ai - 542 "])
@pytest.mark.parametrize(
    "request_type", [flight_status_pb2.GetFlightStatusRequest, flight_status_pb2.WatchFlightStatusRequest]
)
def test_a_flight_number_is_accepted_as_people_write_it(request_type: type, written: str) -> None:
    request = request_type(flight_number=written, departure_date=Date(year=2026, month=12, day=1))
    validate(request)
    normalise_codes(request)
    assert request.flight_number == "AI542"


@pytest.mark.parametrize(
    "request_type", [flightdata_service_pb2.GetRouteRequest, flight_status_pb2.ListRouteFlightStatusesRequest]
)
def test_places_are_accepted_in_lower_case_and_with_spaces(request_type: type) -> None:
    request = request_type(origin="maa", destination=" Del ")
    validate(request)
    normalise_codes(request)
    assert (request.origin, request.destination) == ("MAA", "DEL")


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (places_pb2.GetAirportRequest(code="maa"), "code"),
        (places_pb2.ResolvePlaceRequest(query="maa", home_country_code="in"), "home_country_code"),
        (flights_pb2.SearchLeg(carrier_codes=["ai", " 6e"]), "carrier_codes"),
    ],
)
def test_other_codes_are_accepted_in_lower_case(request_: Message, field: str) -> None:
    written = getattr(request_, field)
    expected = [code.strip().upper() for code in written] if field.endswith("codes") else written.upper()
    normalise_codes(request_)
    assert getattr(request_, field) == expected


def test_words_are_left_alone() -> None:
    request = places_pb2.ResolvePlaceRequest(query="new delhi")
    normalise_codes(request)
    assert request.query == "new delhi"
