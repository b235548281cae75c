"""The line to read aloud: the answer first, times on the clock there, samples called samples."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from google.type.money_pb2 import Money
from readback.flightdata.v1 import flightdata_service_pb2 as pb

from services.gateway.mcp.speech import SAMPLE, speech_of

pytestmark = pytest.mark.unit


def stop(city: str, hour: int, zone: str = "Asia/Kolkata") -> pb.Stop:
    made = pb.Stop(city=city, time_zone=zone)
    made.time.FromDatetime(datetime(2026, 11, 24, hour, 30, tzinfo=UTC))
    return made


def itinerary(*, sample: bool = False, fare: bool = True) -> pb.Itinerary:
    segment = pb.Segment(
        carrier="Air India", flight_number="AI542", departure=stop("Chennai", 1), arrival=stop("Delhi", 4), carrier_code="AI"
    )
    made = pb.Itinerary(segments=[segment], provenance=pb.Provenance(sample=sample))
    if fare:
        made.fare.total.CopyFrom(Money(currency_code="INR", units=4500))
    return made


def searched(*found: pb.Itinerary, total: int, unfiltered: int = 0) -> str:
    results = pb.SearchFlightsResponse(results=pb.SearchResults(itineraries=found))
    done = pb.SearchFlightsResponse(done=pb.SearchDone(total=total, total_unfiltered=unfiltered))
    return speech_of([results, done] if found else [done])


def test_search_tells_how_many_and_the_first() -> None:
    line = searched(itinerary(), total=7)
    assert line == "7 flights. The first is Air India AI542, leaving Chennai at 07:00 and arriving in Delhi at 10:00, for 4,500 INR."


def test_one_flight_is_one() -> None:
    assert searched(itinerary(fare=False), total=1).startswith("One flight. ")


def test_samples_are_called_samples() -> None:
    assert searched(itinerary(sample=True), total=1).endswith(SAMPLE)
    assert speech_of([pb.GetFlightStatusResponse(status=pb.FlightStatus(provenance=pb.Provenance(sample=True)))]).endswith(SAMPLE)


def test_a_journey_is_told_leg_by_leg_at_the_price_of_all() -> None:
    out, back = itinerary(fare=False), itinerary(fare=False)
    out.itinerary_id, back.itinerary_id = "out", "back"
    back.segments[0].departure.CopyFrom(stop("Delhi", 5))
    journey = pb.Journey(itinerary_ids=["out", "back"])
    journey.fare.total.CopyFrom(Money(currency_code="INR", units=9000))
    results = pb.SearchFlightsResponse(results=pb.SearchResults(itineraries=[out, back], journeys=[journey]))
    line = speech_of([results, pb.SearchFlightsResponse(done=pb.SearchDone(total=4))])
    assert (
        line == "4 journeys. The first is Air India AI542 from Chennai at 07:00, then Air India AI542 from Delhi at 11:00, for 9,000 INR."
    )


def test_none_that_fits_is_told_from_none_at_all() -> None:
    assert searched(total=0, unfiltered=4) == "There is no flight like that that day."
    assert searched(total=0) == "There is no flight there that day."


def test_delay_is_told_with_the_new_time() -> None:
    status = pb.FlightStatus(flight_number="AI542", carrier="Air India", state=pb.FLIGHT_STATE_DELAYED, delay_minutes=25)
    status.scheduled_departure.CopyFrom(stop("Chennai", 1))
    status.estimated_departure_time.FromDatetime(datetime(2026, 11, 24, 1, 55, tzinfo=UTC))
    assert speech_of([pb.GetFlightStatusResponse(status=status)]) == ("Air India AI542 is delayed, 25 minutes late, now leaving at 07:25.")


def test_states_of_a_flight_have_words() -> None:
    for state in pb.FlightState.values():
        line = speech_of([pb.GetFlightStatusResponse(status=pb.FlightStatus(flight_number="AI542", carrier="Air India", state=state))])
        assert line.startswith("Air India AI542 ")


def test_flights_of_a_route_are_told_by_the_first_and_how_many_more() -> None:
    status = pb.FlightStatus(flight_number="AI542", carrier="Air India", state=pb.FLIGHT_STATE_ON_TIME)
    assert speech_of([pb.ListRouteStatusResponse(statuses=[status])]) == "Air India AI542 is on time."
    assert speech_of([pb.ListRouteStatusResponse(statuses=[status] * 3)]) == "Air India AI542 is on time. 2 more are listed."
    assert speech_of([pb.ListRouteStatusResponse()]) == "No flight is known there that day."


def test_airport_is_told_by_name_and_place() -> None:
    answer = pb.GetAirportResponse(airport=pb.Airport(name="Chennai International Airport", city="Chennai", country="India"))
    assert speech_of([answer]) == "Chennai International Airport serves Chennai, India."


def test_what_has_no_line_is_silent() -> None:
    assert speech_of([]) == ""
    assert speech_of([pb.ResolvePlaceResponse()]) == ""
