"""Arguments of tools become requests; wrong ones are listed."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from readback.flightdata.v1 import flights_pb2, places_pb2

from mesh.contracts.tool_arguments import arguments_from, request_from
from mesh.errors import InvalidRequest

pytestmark = pytest.mark.unit

SEARCH = flights_pb2.SearchFlightsRequest.DESCRIPTOR


def search(**arguments: Any) -> flights_pb2.SearchFlightsRequest:
    request = request_from(SEARCH, arguments)
    assert isinstance(request, flights_pb2.SearchFlightsRequest)
    return request


def complaints(**arguments: Any) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as refused:
        request_from(SEARCH, arguments)
    return {violation.field: violation.description for violation in refused.value.violations}


def test_dates_and_times_are_read_from_iso_text() -> None:
    (leg,) = search(legs=[{"departure_date": "2026-11-24", "departure_time_from": "18:05"}]).legs
    assert (leg.departure_date.year, leg.departure_date.month, leg.departure_date.day) == (2026, 11, 24)
    assert (leg.departure_time_from.hours, leg.departure_time_from.minutes) == (18, 5)


@pytest.mark.parametrize(
    "arguments",
    [
        {"legs": [{"origin": "MAA", "destination": "DEL", "departure_date": "2026-11-24"}]},
        {
            "legs": [{"departure_time_from": "18:05", "max_stops": 0, "via": "BOM"}, {"origin": "DEL"}],
            "adults": 2,
        },
        {"sort": "cheapest", "cabin": "premium_economy", "legs": [{"carrier_codes": ["AI", "6E"]}]},
    ],
)
def test_a_request_is_written_back_as_its_arguments(arguments: dict[str, Any]) -> None:
    assert arguments_from(search(**arguments)) == arguments


def test_hidden_fields_are_not_written_as_arguments() -> None:
    leg = flights_pb2.SearchLeg(origin="IST", origin_kind=places_pb2.PLACE_KIND_METRO)
    request = flights_pb2.SearchFlightsRequest(legs=[leg], max_results=12)
    assert arguments_from(request) == {"legs": [{"origin": "IST"}]}


def test_words_become_enum_values() -> None:
    request = search(sort="cheapest", cabin="premium_economy")
    assert (request.sort, request.cabin) == (
        flights_pb2.FLIGHT_SORT_CHEAPEST,
        flights_pb2.CABIN_PREMIUM_ECONOMY,
    )


def test_plain_values_and_lists_are_unchanged() -> None:
    given = {"origin": "MAA", "include_nearby_airports": True, "excluded_carrier_codes": ["AI", "6E"]}
    request = search(legs=[given], adults=2)
    (leg,) = request.legs
    assert (leg.origin, leg.include_nearby_airports, request.adults) == ("MAA", True, 2)
    assert list(leg.excluded_carrier_codes) == ["AI", "6E"]


@pytest.mark.parametrize("absent", [None, "", " "])
def test_null_and_empty_text_mean_absent(absent: object) -> None:
    leg = {"origin": "MAA", "departure_time_from": absent, "max_stops": absent, "carrier_codes": [absent]}
    request = search(legs=[leg, absent], adults=absent, sort=absent)
    assert request == flights_pb2.SearchFlightsRequest(legs=[flights_pb2.SearchLeg(origin="MAA")])


def test_every_mistake_is_listed() -> None:
    wrong = {"departure_date": "soon", "departure_time_from": "25:00", "excluded_carrier_codes": "AI"}
    found = complaints(legs=[{}, wrong], sort="luckiest")
    assert set(found) == {"sort", *(f"legs[1].{name}" for name in wrong)}
    assert "2026-12-31" in found["legs[1].departure_date"]
    assert "cheapest" in found["sort"]


@pytest.mark.parametrize("name", ["max_results", "customer_id", "__class__", ""])
def test_withheld_and_unknown_arguments_are_refused(name: str) -> None:
    assert set(complaints(**{name: 1})) == {name}


@pytest.mark.parametrize(
    "wrong", [{"adults": "two"}, {"sort": 7}, {"legs": "MAA"}, {"adults": 1 << 40}, {"adults": True}]
)
def test_values_of_another_type_are_refused_by_name(wrong: dict[str, Any]) -> None:
    ((field, problem),) = complaints(**wrong).items()
    assert field in wrong
    assert problem.startswith("must be")


def test_numbers_and_truth_values_may_be_text() -> None:
    request = search(adults="2", legs=[{"max_stops": "0", "include_nearby_airports": "True"}])
    assert request.adults == 2
    assert request.legs[0].HasField("max_stops")
    assert request.legs[0].include_nearby_airports


def test_a_text_of_digits_stays_text() -> None:
    assert search(legs=[{"origin": "123"}]).legs[0].origin == "123"


def test_words_may_be_in_capitals() -> None:
    assert search(sort="Cheapest").sort == flights_pb2.FLIGHT_SORT_CHEAPEST


def test_a_whole_number_may_have_a_fraction_of_zero() -> None:
    assert search(adults=2.0).adults == 2


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    arguments=st.dictionaries(
        st.sampled_from([field.name for field in SEARCH.fields]) | st.text(max_size=8), anything, max_size=6
    )
)
def test_any_arguments_give_a_request_or_violations(arguments: dict[str, Any]) -> None:
    with suppress(InvalidRequest):
        assert isinstance(request_from(SEARCH, arguments), flights_pb2.SearchFlightsRequest)
