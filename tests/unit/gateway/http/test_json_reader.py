"""Messages as JSON: what is written can be read, and what can't be read is named."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.flightdata.v1 import flights_pb2

from services.gateway.http.json_reader import JsonReader, nested
from services.gateway.http.json_writer import to_json
from tests.flight_searches import search_request

pytestmark = pytest.mark.unit


def read(message: Message, value: object, *, texts: bool = False) -> dict[str, str]:
    reader = JsonReader(texts=texts)
    reader.read(message, value)
    return {violation.field: violation.description for violation in reader.violations}


def test_dates_and_times_of_day_are_texts_both_ways() -> None:
    request = flights_pb2.SearchFlightsRequest()
    given = {"departureDate": "2026-12-01", "departureTimeFrom": "06:30"}
    assert not read(request, {"legs": [given]})
    (leg,) = request.legs
    assert (leg.departure_date.day, leg.departure_time_from.hours) == (1, 6)
    (written,) = to_json(request)["legs"]
    assert {name: written[name] for name in given} == given


@pytest.mark.parametrize("name", ["departureDate", "departure_date"])
def test_both_spellings_of_a_name_are_read(name: str) -> None:
    leg = flights_pb2.SearchLeg()
    assert not read(leg, {name: "2026-12-01"})
    assert leg.departure_date.year == 2026


def test_what_official_protobuf_writes_is_read() -> None:
    request = search_request("MAA", "DEL", date(2026, 12, 1), max_stops=0, max_results=3)
    again = flights_pb2.SearchFlightsRequest()
    assert not read(again, json.loads(json_format.MessageToJson(request)))
    assert again == request


@pytest.mark.parametrize(
    ("value", "field", "problem"),
    [
        ({"nonsense": 1}, "nonsense", "is not a field"),
        ({"legs": [{"origin": 3}]}, "legs[0].origin", "must be a text"),
        ({"legs": [{"origin": "\ud800"}]}, "legs[0].origin", "must be valid Unicode"),
        ({"legs": [{"departureDate": "tomorrow"}]}, "legs[0].departureDate", "must be a date such as"),
        (
            {"legs": [{"departureDate": {"year": "x"}}]},
            "legs[0].departureDate.year",
            "must be a whole number",
        ),
        ({"maxResults": 1.5}, "maxResults", "must be a whole number"),
        ({"maxResults": 2**31}, "maxResults", "too large"),
        ({"maxResults": True}, "maxResults", "must be a whole number"),
        ({"maxResults": "9" * 5000}, "maxResults", "must be a whole number"),
        ({"sort": "CHEAP"}, "sort", "must be one of FLIGHT_SORT_EARLIEST"),
        ({"sort": 99}, "sort", "must be one of"),
        ({"legs": {}}, "legs", "must be a list"),
        ({"legs": [3]}, "legs[0]", "must be an object"),
        ({"legs": [{"x": 1}]}, "legs[0].x", "is not a field"),
    ],
)
def test_a_wrong_value_is_named(value: dict[str, Any], field: str, problem: str) -> None:
    violations = read(flights_pb2.SearchFlightsRequest(), value)
    assert list(violations) == [field]
    assert problem in violations[field]


def test_all_wrong_values_are_reported_at_once() -> None:
    assert set(read(flights_pb2.SearchFlightsRequest(), {"a": 1, "b": 2, "sort": {}})) == {"a", "b", "sort"}


def test_two_fields_of_a_oneof_are_refused() -> None:
    value = {"cursor": "x", "startCommitTime": "2026-01-01T00:00:00Z"}
    violations = read(conversation.WatchRequest(), value)
    assert violations == {"startCommitTime": "can't be combined with cursor"}


def test_a_query_has_texts_lists_and_nested_names() -> None:
    request = conversation.WatchRequest()
    query = nested(
        [
            ("includeLive", "true"),
            ("filter.kinds", "ENTRY_KIND_UTTERANCE"),
            ("filter.kinds", "ENTRY_KIND_TOOL_CALL"),
            ("heartbeat_interval", "2s"),
        ]
    )
    assert not read(request, query, texts=True)
    assert request.include_live
    assert list(request.filter.kinds) == [1, 2]
    assert request.heartbeat_interval.seconds == 2


def test_a_query_has_the_position_of_each_object_in_a_list() -> None:
    request = flights_pb2.SearchFlightsRequest()
    query = [
        ("legs.1.origin", "DEL"),
        ("legs.0.origin", "MAA"),
        ("legs.0.carrierCodes", "AI"),
        ("adults", "2"),
    ]
    assert not read(request, nested(query), texts=True)
    assert [leg.origin for leg in request.legs] == ["MAA", "DEL"]
    assert (list(request.legs[0].carrier_codes), request.adults) == (["AI"], 2)


@pytest.mark.parametrize(
    "query",
    [
        [("adults", "1"), ("adults", "2")],
        [("adults.x", "1")],
        [("legs", "MAA")],
        [("legs.origin", "MAA")],
        [("legs.1.origin", "MAA")],
        [("legs.0", "MAA")],
        [("legs.00.origin", "MAA")],
    ],
)
def test_a_query_that_does_not_fit_is_named(query: list[tuple[str, str]]) -> None:
    assert read(flights_pb2.SearchFlightsRequest(), nested(query), texts=True)


@pytest.mark.parametrize("value", [None, [], 3, "x", [[]]])
def test_a_request_must_be_an_object(value: object) -> None:
    assert read(flights_pb2.SearchFlightsRequest(), value) == {"": "must be an object"}


def test_deep_nesting_is_refused_not_followed() -> None:
    deep: dict[str, Any] = {}
    for _ in range(500):
        deep = {"x": deep}
    assert read(flights_pb2.SearchFlightsRequest(), {"legs": [deep]})
