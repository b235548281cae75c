"""Answers are the contract's JSON, streams in one object, and no longer than a model can read."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st
from readback.flightdata.v1 import flightdata_service_pb2 as pb

from services.gateway.mcp.tool_results import as_json, compact_json, count_tokens, shortened

pytestmark = pytest.mark.unit


def found(*names: str) -> pb.SearchFlightsResponse:
    return pb.SearchFlightsResponse(
        results=pb.SearchResults(itineraries=[pb.Itinerary(itinerary_id=name) for name in names])
    )


def test_json_of_one_message_is_the_contracts() -> None:
    answer = pb.GetAirportResponse(airport=pb.Airport(code="MAA", city="Chennai"))
    assert as_json([answer]) == MessageToDict(answer, preserving_proto_field_name=True)


def test_json_of_a_stream_is_that_of_its_messages() -> None:
    done = pb.SearchFlightsResponse(done=pb.SearchDone(total=3, outcome=pb.SEARCH_OUTCOME_FOUND))
    whole = as_json([found("a"), found("b", "c"), done])
    assert [one["itinerary_id"] for one in whole["results"]["itineraries"]] == ["a", "b", "c"]
    assert whole["done"] == {"total": 3, "outcome": "SEARCH_OUTCOME_FOUND"}


def test_nothing_is_an_empty_object() -> None:
    assert as_json([]) == {}


def test_short_answer_is_left_alone() -> None:
    assert shortened({"list": [1, 2, 3]}, 100) == {"list": [1, 2, 3]}


def test_long_answer_loses_the_ends_of_its_longest_lists_first() -> None:
    answer = shortened({"long": ["x" * 40] * 100, "short": ["y", "z"]}, 300)
    assert count_tokens(answer) <= 300
    assert answer["short"] == ["y", "z"]
    assert len(answer["long"]) + answer["omitted"]["long"] == 100


def test_list_keeps_its_first_item_however_long() -> None:
    assert shortened({"list": ["x" * 4000, "y"]}, 10) == {"list": ["x" * 4000], "omitted": {"list": 1}}


def sold(journeys: int = 0) -> dict[str, Any]:
    """An answer with twenty ways there and twenty back, an offer on each way there, and some journeys of both."""
    there, back = [f"there-{n}" for n in range(20)], [f"back-{n}" for n in range(20)]
    together = [pb.Journey(itinerary_ids=pair) for pair in list(zip(there, back, strict=True))[:journeys]]
    if journeys:
        offers = [
            pb.Offer(itinerary_id=a, return_itinerary_id=b, seller="s" * 40)
            for a, b in zip(there, back, strict=True)
        ]
    else:
        offers = [pb.Offer(itinerary_id=name, seller="s" * 40) for name in there]
    kept = [*there[:journeys], *back[:journeys]] if journeys else there
    itineraries = [pb.Itinerary(itinerary_id=name, segments=[pb.Segment(carrier="c" * 60)]) for name in kept]
    return as_json(
        [
            pb.SearchFlightsResponse(
                results=pb.SearchResults(itineraries=itineraries, offers=offers, journeys=together)
            )
        ]
    )


def left(answer: dict[str, Any]) -> dict[str, int]:
    """How many items each list holds, with those that were left out."""
    lists = {name: len(items) for name, items in answer["results"].items()}
    return {
        name: count + answer.get("omitted", {}).get(f"results.{name}", 0) for name, count in lists.items()
    }


@pytest.mark.parametrize("tokens", [100, 250, 500, 900, 1400])
def test_cut_answer_holds_every_flight_that_its_journeys_name_and_no_other(tokens: int) -> None:
    answer = shortened(sold(journeys=20), tokens)
    results = answer["results"]
    named = [name for journey in results["journeys"] for name in journey["itinerary_ids"]]
    assert answer["omitted"]["results.journeys"] > 0
    assert sorted(named) == sorted(itinerary["itinerary_id"] for itinerary in results["itineraries"])
    assert named[:2] == ["there-0", "back-0"]
    assert all(
        {offer["itinerary_id"], offer["return_itinerary_id"]} <= set(named) for offer in results["offers"]
    )
    assert left(answer) == {"itineraries": 40, "offers": 20, "journeys": 20}


@pytest.mark.parametrize("tokens", [100, 250, 500, 900])
def test_cut_answer_holds_no_offer_on_a_flight_that_was_left_out(tokens: int) -> None:
    answer = shortened(sold(), tokens)
    results = answer["results"]
    assert {offer["itinerary_id"] for offer in results["offers"]} <= {
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
def test_cutting_ends_and_only_drops_items(answer: dict[str, Any]) -> None:
    before = compact_json(answer)
    cut = shortened(answer, 20)
    assert len(compact_json({name: value for name, value in cut.items() if name != "omitted"})) <= len(before)
