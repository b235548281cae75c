"""The dialogue's tools and places over the real service, with answers and errors as the dialogue's own."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from readback.conversation.v1 import entry_pb2
from readback.flightdata.v1 import flight_status_pb2, flightdata_service_pb2, flights_pb2, places_pb2
from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub

from agent.dialogue.dialogue import Dialogue
from agent.dialogue.flightdata_tools import MAX_RESULTS, FlightDataPlaces, FlightDataTools
from agent.dialogue.tools import (
    DateBeyondHorizon,
    DateInPast,
    FlightNotFound,
    PlaceUnknown,
    SamePlace,
    ToolUnavailable,
)
from agent.dialogue.turn import Event, Speech, ToolFinished, ToolStarted
from agent.language.flight_times import date_message, instant, local, time_message
from mesh.calling.channel import open_channel

if TYPE_CHECKING:
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub
from tests.flight_searches import search_request

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

NOW = datetime.now(UTC)


def ahead(days: int) -> date:
    return (NOW + timedelta(days=days)).date()


def request(
    origin: str = "MAA", destination: str = "DEL", days: int = 7, **more: Any
) -> flights_pb2.SearchFlightsRequest:
    return search_request(origin, destination, ahead(days), **more)


def status_request(number: str, day: date | None = None) -> flight_status_pb2.GetFlightStatusRequest:
    return flight_status_pb2.GetFlightStatusRequest(flight_number=number, departure_date=date_message(day))


async def test_search_is_answered_with_sample_itineraries(flightdata: FlightDataServiceAsyncStub) -> None:
    answer = await FlightDataTools(flightdata).search_flights(request())
    assert answer.result.done.outcome == flights_pb2.SEARCH_OUTCOME_FOUND
    assert answer.sample
    assert 0 < len(answer.flights) <= MAX_RESULTS
    for flight in answer.flights:
        arrival = flight.there.segments[-1].arrival
        assert (flight.departure.airport_code, arrival.airport_code) == ("MAA", "DEL")
        assert local(flight.departure).date() == ahead(7)
        assert instant(flight.departure.time) < instant(arrival.time)
        assert flight.there.provenance.sample
        assert flight.total
        assert flight.total.currency_code == "INR"


async def test_arrival_times_and_airlines_reach_the_service(flightdata: FlightDataServiceAsyncStub) -> None:
    tools = FlightDataTools(flightdata)
    found = await tools.search_flights(
        request(arrival_time_from=time_message(time(9)), arrival_time_before=time_message(time(20)))
    )
    assert found.flights
    arrivals = [local(flight.there.segments[-1].arrival).time() for flight in found.flights]
    assert all(time(9) <= arrival < time(20) for arrival in arrivals)
    one = found.flights[0].there.segments[0].carrier_code
    only = await tools.search_flights(request(carrier_codes=[one]))
    without = await tools.search_flights(request(excluded_carrier_codes=[one]))
    assert all(flight.there.segments[0].carrier_code == one for flight in only.flights)
    assert only.flights
    assert all(segment.carrier_code != one for flight in without.flights for segment in flight.there.segments)


async def test_wishes_reach_the_service(flightdata: FlightDataServiceAsyncStub) -> None:
    tools = FlightDataTools(flightdata)
    wishes = request(
        departure_time_from=time_message(time(5)),
        departure_time_before=time_message(time(12)),
        max_stops=0,
        sort=flights_pb2.FLIGHT_SORT_CHEAPEST,
        cabin=flights_pb2.CABIN_BUSINESS,
        adults=2,
    )
    answer = await tools.search_flights(wishes)
    prices = [flight.total.units for flight in answer.flights if flight.total]
    assert prices == sorted(prices)
    assert all(time(5) <= local(flight.departure).time() < time(12) for flight in answer.flights)
    assert answer.unfiltered_count >= answer.total


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (request(origin="XQZ"), PlaceUnknown),
        (request(origin="DEL"), SamePlace),
        (request(days=-2), DateInPast),
        (request(days=400), DateBeyondHorizon),
    ],
    ids=["unknown place", "same place", "past", "too far"],
)
async def test_refused_searches_are_the_dialogues_own_errors(
    flightdata: FlightDataServiceAsyncStub, asked: flights_pb2.SearchFlightsRequest, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await FlightDataTools(flightdata).search_flights(asked)


async def test_errors_bring_the_dates_that_the_service_knows(flightdata: FlightDataServiceAsyncStub) -> None:
    with pytest.raises(DateBeyondHorizon) as beyond:
        await FlightDataTools(flightdata).search_flights(request(days=400))
    assert beyond.value.last_date
    with pytest.raises(DateInPast) as past:
        await FlightDataTools(flightdata).search_flights(request(days=-2))
    assert past.value.today


async def test_flight_found_can_be_asked_about(flightdata: FlightDataServiceAsyncStub) -> None:
    tools = FlightDataTools(flightdata)
    flight = (await tools.search_flights(request())).flights[0]
    number = flight.there.segments[0].flight_number
    status = await tools.flight_status(status_request(number, ahead(7)))
    assert status.flight_number == number
    assert status.scheduled_departure.airport_code == "MAA"
    assert status.provenance.sample
    assert status.state in (flight_status_pb2.FLIGHT_STATE_SCHEDULED, flight_status_pb2.FLIGHT_STATE_ON_TIME)


async def test_unknown_flight_is_not_found(flightdata: FlightDataServiceAsyncStub) -> None:
    with pytest.raises(FlightNotFound):
        await FlightDataTools(flightdata).flight_status(status_request("ZZ9999"))


async def test_airport_facts(flightdata: FlightDataServiceAsyncStub) -> None:
    facts = await FlightDataTools(flightdata).get_airport("MAA")
    assert (facts.code, facts.city, facts.time_zone) == ("MAA", "Chennai", "Asia/Kolkata")
    with pytest.raises(PlaceUnknown):
        await FlightDataTools(flightdata).get_airport("XQZ")


async def test_places_are_found_where_they_stand(flightdata: FlightDataServiceAsyncStub) -> None:
    text = "flights from Chennai to New York"
    origin, destination = await FlightDataPlaces(flightdata).annotate(text, home_country="IN")
    first, second = (found.candidates[0].place for found in (origin, destination))
    assert (first.code, second.code, second.kind) == ("MAA", "NYC", places_pb2.PLACE_KIND_METRO)
    assert text[destination.start : destination.end] == "New York"
    assert origin.confident


async def test_service_that_is_not_there_is_unavailable() -> None:
    async with open_channel(
        "127.0.0.1:1", flightdata_service_pb2.DESCRIPTOR.services_by_name["FlightDataService"]
    ) as channel:
        stub = FlightDataServiceStub(channel)
        with pytest.raises(ToolUnavailable):
            await FlightDataPlaces(stub).annotate("to Chennai", home_country="IN")
        with pytest.raises(ToolUnavailable):
            await FlightDataTools(stub).search_flights(request())


async def said(dialogue: Dialogue, words: str) -> tuple[str, list[Event]]:
    events = [event async for event in dialogue.respond(words, now=NOW)]
    return " ".join(event.text for event in events if isinstance(event, Speech)), events


async def test_conversation_over_the_real_service(flightdata: FlightDataServiceAsyncStub) -> None:
    dialogue = Dialogue(FlightDataPlaces(flightdata), FlightDataTools(flightdata))
    answer, events = await said(dialogue, "show flights from chinai to deli to Mara morning")
    assert "from Chennai to Delhi tomorrow" in answer
    assert "sample flights" in answer
    (started,) = [event.call for event in events if isinstance(event, ToolStarted)]
    assert [place.code for place in started.places] == ["MAA", "DEL"]
    (finished,) = [event.result for event in events if isinstance(event, ToolFinished)]
    assert finished.outcome == entry_pb2.TOOL_OUTCOME_FOUND
    answer, _ = await said(dialogue, "the second one")
    assert "leaves Chennai at" in answer
    answer, _ = await said(dialogue, "is it on time")
    assert "Chennai" in answer
    answer, _ = await said(dialogue, "no, Mumbai")
    assert "from Chennai to Mumbai tomorrow" in answer
    answer, _ = await said(dialogue, "which airport is in Goa")
    assert "Goa" in answer


async def test_a_journey_of_two_flights_is_read_out_as_one(flightdata: FlightDataServiceAsyncStub) -> None:
    dialogue = Dialogue(FlightDataPlaces(flightdata), FlightDataTools(flightdata))
    await said(dialogue, "flights from New York to Sydney next Tuesday")
    answer, _ = await said(dialogue, "the first one")
    assert answer.startswith("You leave New York City at ")
    assert ", then " in answer
    assert ", and arrive in Sydney at " in answer
    assert "You change one time in " in answer


async def test_there_and_back_comes_as_journeys(flightdata: FlightDataServiceAsyncStub) -> None:
    both = request(back=ahead(12), sort=flights_pb2.FLIGHT_SORT_CHEAPEST)
    answer = await FlightDataTools(flightdata).search_flights(both)
    assert 0 < len(answer.flights) <= MAX_RESULTS
    amounts = [(flight.total.units, flight.total.nanos) for flight in answer.flights if flight.total]
    assert amounts == sorted(amounts)
    assert len(amounts) == len(answer.flights)
    for flight in answer.flights:
        assert flight.back
        departure = flight.back.segments[0].departure
        assert (departure.airport_code, local(departure).date()) == ("DEL", ahead(12))


async def test_flights_of_a_route_come_nearest_first(flightdata: FlightDataServiceAsyncStub) -> None:
    statuses = await FlightDataTools(flightdata).route_status(
        flight_status_pb2.ListRouteFlightStatusesRequest(
            origin="MAA",
            destination="DEL",
            departure_date=date_message(ahead(1)),
            near_time=time_message(time(9)),
        )
    )
    assert statuses
    departures = [local(status.scheduled_departure) for status in statuses]
    apart = [abs(departure.hour * 60 + departure.minute - 540) for departure in departures]
    assert apart == sorted(apart)
