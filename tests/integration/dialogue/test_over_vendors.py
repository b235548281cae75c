"""Answers of providers, fallbacks and failures in speech: no made-up flight, no "none" for "unknown"."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from readback.conversation.v1 import entry_pb2

from agent.dialogue.dialogue import Dialogue
from agent.dialogue.flightdata_tools import FlightDataPlaces, FlightDataTools
from agent.dialogue.turn import Event, Speech, ToolFinished

if TYPE_CHECKING:
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def _said(stub: FlightDataServiceAsyncStub, words: str) -> tuple[str, entry_pb2.ToolResult]:
    dialogue = Dialogue(FlightDataPlaces(stub), FlightDataTools(stub))
    events: list[Event] = [event async for event in dialogue.respond(words, now=datetime.now(UTC))]
    (finished,) = [event for event in events if isinstance(event, ToolFinished)]
    return " ".join(event.text for event in events if isinstance(event, Speech)), finished.result


def providers(tool: entry_pb2.ToolResult) -> set[str]:
    return {itinerary.provenance.provider for itinerary in tool.search_flights.results.itineraries}


async def test_flights_without_prices_are_read_out_without(
    flightdata_of_vendors: FlightDataServiceAsyncStub,
) -> None:
    answer, tool = await _said(flightdata_of_vendors, "show flights from Chennai to Delhi tomorrow")
    assert tool.outcome == entry_pb2.TOOL_OUTCOME_FOUND
    assert providers(tool) == {"aviationstack"}
    assert "from Chennai to Delhi tomorrow" in answer
    assert "sample" not in answer
    assert "rupees" not in answer


async def test_the_second_provider_answers_for_the_first(
    flightdata_of_vendors: FlightDataServiceAsyncStub,
) -> None:
    answer, tool = await _said(
        flightdata_of_vendors, "the cheapest flight from Oslo to London Heathrow tomorrow"
    )
    assert tool.outcome == entry_pb2.TOOL_OUTCOME_FOUND
    assert providers(tool) == {"flightapi"}
    assert "sample" not in answer
    assert "kroner" in answer


async def test_an_outage_is_reported(flightdata_of_vendors: FlightDataServiceAsyncStub) -> None:
    answer, tool = await _said(
        flightdata_of_vendors, "show flights from Reykjavik to London Heathrow tomorrow"
    )
    assert tool.outcome == entry_pb2.TOOL_OUTCOME_UNAVAILABLE
    assert "couldn't reach" in answer
    assert "no flights" not in answer


@pytest.mark.parametrize(
    ("flight", "heard"),
    [
        ("FI 907", "one hour and five minutes late"),
        ("FI 902", "diverted"),
        ("FI 903", "in the air"),
        ("FI 908", "cancelled"),
        ("FI 912", "has landed"),
    ],
)
async def test_a_state_is_reported_with_its_evidence(
    flightdata_of_vendors: FlightDataServiceAsyncStub, flight: str, heard: str
) -> None:
    answer, _ = await _said(flightdata_of_vendors, f"what is the status of {flight}")
    assert heard in answer
    assert "sample" not in answer


async def test_there_and_back_has_the_price_of_both(
    flightdata_of_vendors: FlightDataServiceAsyncStub,
) -> None:
    answer, tool = await _said(
        flightdata_of_vendors,
        "the cheapest flights from Chennai to Helsinki in three days, returning in ten days",
    )
    assert tool.outcome == entry_pb2.TOOL_OUTCOME_FOUND
    results = tool.search_flights.results
    legs = {itinerary.itinerary_id: itinerary.leg_index for itinerary in results.itineraries}
    ways = {tuple(journey.itinerary_ids) for journey in results.journeys}
    assert {tuple(map(legs.get, ids)) for ids in ways} == {(0, 1)}
    assert not any(itinerary.HasField("fare") for itinerary in results.itineraries)
    assert sorted(tuple(offer.itinerary_ids) for offer in results.offers) == sorted(ways)
    assert "and back at" in answer
    assert "rupees in all" in answer


async def test_flights_of_a_route_are_reported_without_a_number(
    flightdata_of_vendors: FlightDataServiceAsyncStub,
) -> None:
    answer, tool = await _said(flightdata_of_vendors, "are the flights from Chennai to Delhi on time")
    assert (tool.name, tool.outcome) == ("route_status", entry_pb2.TOOL_OUTCOME_FOUND)
    assert "from Chennai to Delhi about now" in answer
