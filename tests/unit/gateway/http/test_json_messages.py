"""Messages as JSON: what is written can be read, and what can't be read is named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.flightdata.v1 import flights_pb2

from services.gateway.http.json_messages import JsonReader, nested, to_json

pytestmark = pytest.mark.unit


def read(message: Message, value: object, *, texts: bool = False) -> dict[str, str]:
    reader = JsonReader(texts=texts)
    reader.read(message, value)
    return {violation.field: violation.description for violation in reader.violations}


def test_dates_and_times_of_day_are_texts_both_ways() -> None:
    request = flights_pb2.SearchFlightsRequest()
    given = {"departDate": "2026-12-01", "earliestDeparture": "06:30"}
    fields = flights_pb2.SearchFlightsRequest.DESCRIPTOR.fields_by_name
    given = {
        name: value for name, value in given.items() if any(f.json_name == name for f in fields.values())
    }
    assert not read(request, given)
    assert request.depart_date.day == 1
    written = to_json(request)
    assert {name: written[name] for name in given} == given


@pytest.mark.parametrize("name", ["departDate", "depart_date"])
def test_both_spellings_of_a_name_are_read(name: str) -> None:
    request = flights_pb2.SearchFlightsRequest()
    assert not read(request, {name: "2026-12-01"})
    assert request.depart_date.year == 2026


def test_what_official_protobuf_writes_is_read() -> None:
    request = flights_pb2.SearchFlightsRequest(origin="MAA", destination="DEL", max_results=3)
    request.depart_date.year, request.depart_date.month, request.depart_date.day = 2026, 12, 1
    again = flights_pb2.SearchFlightsRequest()
    assert not read(again, json.loads(json_format.MessageToJson(request)))
    assert again == request


@pytest.mark.parametrize(
    ("value", "field", "problem"),
    [
        ({"nonsense": 1}, "nonsense", "is not a field"),
        ({"origin": 3}, "origin", "must be a text"),
        ({"origin": "\ud800"}, "origin", "must be valid Unicode"),
        ({"departDate": "tomorrow"}, "departDate", "must be a date such as"),
        ({"departDate": {"year": "x"}}, "departDate.year", "must be a whole number"),
        ({"maxResults": 1.5}, "maxResults", "must be a whole number"),
        ({"maxResults": 2**31}, "maxResults", "too large"),
        ({"maxResults": True}, "maxResults", "must be a whole number"),
        ({"maxResults": "9" * 5000}, "maxResults", "must be a whole number"),
        ({"sort": "CHEAP"}, "sort", "must be one of FLIGHT_SORT_EARLIEST"),
        ({"sort": 99}, "sort", "must be one of"),
        ({"furtherLegs": {}}, "furtherLegs", "must be a list"),
        ({"furtherLegs": [3]}, "furtherLegs[0]", "must be an object"),
        ({"furtherLegs": [{"x": 1}]}, "furtherLegs[0].x", "is not a field"),
    ],
)
def test_a_wrong_value_is_named(value: dict[str, Any], field: str, problem: str) -> None:
    violations = read(flights_pb2.SearchFlightsRequest(), value)
    assert list(violations) == [field]
    assert problem in violations[field]


def test_all_wrong_values_are_reported_at_once() -> None:
    assert set(read(flights_pb2.SearchFlightsRequest(), {"a": 1, "b": 2, "origin": 3})) == {
        "a",
        "b",
        "origin",
    }


def test_two_fields_of_a_oneof_are_refused() -> None:
    value = {"cursor": "x", "startTime": "2026-01-01T00:00:00Z"}
    violations = read(conversation.WatchRequest(), value)
    assert violations == {"startTime": "can't be combined with cursor"}


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


@pytest.mark.parametrize("query", [[("origin", "MAA"), ("origin", "DEL")], [("origin.x", "1")]])
def test_a_query_that_does_not_fit_is_named(query: list[tuple[str, str]]) -> None:
    assert read(flights_pb2.SearchFlightsRequest(), nested(query), texts=True)


@pytest.mark.parametrize("value", [None, [], 3, "x", [[]]])
def test_a_request_must_be_an_object(value: object) -> None:
    assert read(flights_pb2.SearchFlightsRequest(), value) == {"": "must be an object"}


def test_deep_nesting_is_refused_not_followed() -> None:
    deep: dict[str, Any] = {}
    for _ in range(500):
        deep = {"x": deep}
    assert read(flights_pb2.SearchFlightsRequest(), {"furtherLegs": [deep]})
