"""Results are the contract's JSON, merged from streams, and limited in length."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import duration_pb2, timestamp_pb2
from google.type import date_pb2, money_pb2
from hypothesis import given
from hypothesis import strategies as st
from readback.flightdata.v1 import flight_status_pb2, flights_pb2

from services.gateway.compact_json import compact_json
from services.gateway.mcp.tool_results import as_json, count_tokens, kept_of_page, shortened

pytestmark = pytest.mark.unit


def found(*names: str) -> flights_pb2.SearchFlightsResponse:
    return flights_pb2.SearchFlightsResponse(
        results=flights_pb2.SearchResults(
            itineraries=[flights_pb2.Itinerary(itinerary_id=name) for name in names]
        )
    )


def test_an_answer_is_in_the_language_of_the_arguments() -> None:
    status = flight_status_pb2.FlightStatus(
        departure_date=date_pb2.Date(year=2026, month=12, day=1),
        state=flight_status_pb2.FLIGHT_STATE_ON_TIME,
        estimated_departure_time=timestamp_pb2.Timestamp(seconds=1_800_000_000),
    )
    assert as_json([flight_status_pb2.GetFlightStatusResponse(statuses=[status])]) == {
        "statuses": [
            {
                "departure_date": "2026-12-01",
                "state": "on_time",
                "estimated_departure_time": "2027-01-15T08:00:00Z",
            }
        ]
    }


@pytest.mark.parametrize(
    ("units", "nanos", "amount"),
    [(5230, 500_000_000, "5230.50"), (0, 0, "0.00"), (-3, -250_000_000, "-3.25"), (1, 5_000_000, "1.005")],
)
def test_money_is_a_decimal_number_and_a_currency(units: int, nanos: int, amount: str) -> None:
    fare = flights_pb2.Fare(total=money_pb2.Money(units=units, nanos=nanos, currency_code="INR"))
    assert as_json([fare]) == {"total": {"amount": amount, "currency_code": "INR"}}


@pytest.mark.parametrize(("seconds", "text"), [(8100, "PT2H15M"), (0, "PT0S"), (-19800, "-PT5H30M")])
def test_durations_are_iso_8601(seconds: int, text: str) -> None:
    layover = flights_pb2.Layover(duration=duration_pb2.Duration(seconds=seconds))
    assert as_json([layover]) == {"duration": text}


def test_large_numbers_are_numbers() -> None:
    assert as_json([flights_pb2.Emissions(grams=1 << 40)]) == {"grams": 1 << 40}


def test_the_kept_items_of_a_cut_page_are_counted() -> None:
    page = {"entries": ["x" * 400] * 10}
    cut = shortened(page, 500)
    assert 0 < kept_of_page(cut) == len(cut["entries"]) < 10
    assert kept_of_page({"entries": ["x"]}) == 0


def test_messages_of_a_stream_are_merged() -> None:
    done = flights_pb2.SearchFlightsResponse(
        done=flights_pb2.SearchDone(result_count=3, outcome=flights_pb2.SEARCH_OUTCOME_FOUND)
    )
    whole = as_json([found("a"), found("b", "c"), done])
    assert [one["itinerary_id"] for one in whole["results"]["itineraries"]] == ["a", "b", "c"]
    assert whole["done"] == {"result_count": 3, "outcome": "found"}


def test_no_messages_give_an_empty_object() -> None:
    assert as_json([]) == {}


def test_a_short_result_is_unchanged() -> None:
    assert shortened({"list": [1, 2, 3]}, 100) == {"list": [1, 2, 3]}


def test_a_long_result_is_cut_from_the_ends_of_its_longest_lists() -> None:
    answer = shortened({"long": ["x" * 40] * 100, "short": ["y", "z"]}, 300)
    assert count_tokens(answer) <= 300
    assert answer["short"] == ["y", "z"]
    assert len(answer["long"]) + answer["omitted"]["long"] == 100


def test_a_list_keeps_its_first_item() -> None:
    assert shortened({"list": ["x" * 4000, "y"]}, 10) == {"list": ["x" * 4000], "omitted": {"list": 1}}


def sold(journeys: int = 0) -> dict[str, Any]:
    """Return a result with twenty outbound and twenty return itineraries, their offers, and some journeys."""
    there, back = [f"there-{n}" for n in range(20)], [f"back-{n}" for n in range(20)]
    together = [
        flights_pb2.Journey(itinerary_ids=pair) for pair in list(zip(there, back, strict=True))[:journeys]
    ]
    if journeys:
        offers = [
            flights_pb2.Offer(itinerary_ids=[a, b], seller="s" * 40) for a, b in zip(there, back, strict=True)
        ]
    else:
        offers = [flights_pb2.Offer(itinerary_ids=[name], seller="s" * 40) for name in there]
    kept = [*there[:journeys], *back[:journeys]] if journeys else there
    itineraries = [
        flights_pb2.Itinerary(itinerary_id=name, segments=[flights_pb2.Segment(carrier="c" * 60)])
        for name in kept
    ]
    return as_json(
        [
            flights_pb2.SearchFlightsResponse(
                results=flights_pb2.SearchResults(itineraries=itineraries, offers=offers, journeys=together)
            )
        ]
    )


def left(answer: dict[str, Any]) -> dict[str, int]:
    """Return the length of each list before it was cut."""
    lists = {name: len(items) for name, items in answer["results"].items()}
    return {
        name: count + answer.get("omitted", {}).get(f"results.{name}", 0) for name, count in lists.items()
    }


@pytest.mark.parametrize("tokens", [100, 250, 500, 900, 1400])
def test_a_cut_result_has_exactly_the_flights_of_its_journeys(tokens: int) -> None:
    answer = shortened(sold(journeys=20), tokens)
    results = answer["results"]
    named = [name for journey in results["journeys"] for name in journey["itinerary_ids"]]
    assert answer["omitted"]["results.journeys"] > 0
    assert sorted(named) == sorted(itinerary["itinerary_id"] for itinerary in results["itineraries"])
    assert named[:2] == ["there-0", "back-0"]
    assert all(set(offer["itinerary_ids"]) <= set(named) for offer in results["offers"])
    assert left(answer) == {"itineraries": 40, "offers": 20, "journeys": 20}


@pytest.mark.parametrize("tokens", [100, 250, 500, 900])
def test_a_cut_result_has_no_offer_on_a_removed_flight(tokens: int) -> None:
    answer = shortened(sold(), tokens)
    results = answer["results"]
    assert {name for offer in results["offers"] for name in offer["itinerary_ids"]} <= {
        itinerary["itinerary_id"] for itinerary in results["itineraries"]
    }
    assert results["itineraries"][0]["itinerary_id"] == "there-0"
    assert left(answer) == {"itineraries": 20, "offers": 20}


values = st.recursive(
    st.text(max_size=20) | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=40,
)


@given(
    answer=st.dictionaries(
        st.text(min_size=1, max_size=5).filter(lambda name: name != "omitted"), values, max_size=5
    )
)
def test_cutting_terminates_and_only_removes_items(answer: dict[str, Any]) -> None:
    before = compact_json(answer)
    cut = shortened(answer, 20)
    assert len(compact_json({name: value for name, value in cut.items() if name != "omitted"})) <= len(before)
