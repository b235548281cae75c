"""The line to read aloud: answer first, local times, samples marked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.duration_pb2 import Duration
from google.type.money_pb2 import Money
from readback.flightdata.v1 import flight_status_pb2, flights_pb2, places_pb2

from agent.language.en.answer_lines import PARTIAL, SAMPLE, answer_line

pytestmark = pytest.mark.unit


def endpoint(city: str, hour: int, zone: str = "Asia/Kolkata") -> flights_pb2.FlightEndpoint:
    """A departure or arrival so many hours and thirty minutes after 24 November 2026, 00:00 UTC."""
    made = flights_pb2.FlightEndpoint(city=city, time_zone=zone)
    made.time.FromDatetime(datetime(2026, 11, 24, tzinfo=UTC) + timedelta(hours=hour, minutes=30))
    return made


def itinerary(*, sample: bool = False, fare: bool = True) -> flights_pb2.Itinerary:
    segment = flights_pb2.Segment(
        carrier="Air India",
        flight_number="AI542",
        departure=endpoint("Chennai", 1),
        arrival=endpoint("Delhi", 4),
        carrier_code="AI",
    )
    made = flights_pb2.Itinerary(segments=[segment], provenance=flights_pb2.Provenance(sample=sample))
    if fare:
        made.fare.total.CopyFrom(Money(currency_code="INR", units=4500))
    return made


def searched(*found: flights_pb2.Itinerary, total: int, unfiltered: int = 0) -> str:
    results = flights_pb2.SearchFlightsResponse(results=flights_pb2.SearchResults(itineraries=found))
    done = flights_pb2.SearchFlightsResponse(
        done=flights_pb2.SearchDone(result_count=total, unfiltered_count=unfiltered)
    )
    return answer_line([results, done] if found else [done])


def test_search_line_has_the_number_of_flights_and_the_first() -> None:
    line = searched(itinerary(), total=7)
    assert (
        line == "7 flights. The first is Air India AI542, leaving Chennai at 07:00 and arriving in Delhi at "
        "10:00, for 4,500 INR."
    )


@pytest.mark.parametrize(
    ("departure", "arrival", "words"),
    [
        (("Los Angeles", 6, "America/Los_Angeles"), ("Sydney", 21, "Australia/Sydney"), "08:30 2 days later"),
        (("Honolulu", 23, "Pacific/Honolulu"), ("Tokyo", 31, "Asia/Tokyo"), "16:30 the next day"),
        (("Auckland", 1, "Pacific/Auckland"), ("Honolulu", 9, "Pacific/Honolulu"), "23:30 the previous day"),
        (("Chennai", 1, "Asia/Kolkata"), ("Delhi", 4, "Asia/Kolkata"), "10:00"),
    ],
)
def test_arrival_on_another_local_day_names_the_day(
    departure: tuple[str, int, str], arrival: tuple[str, int, str], words: str
) -> None:
    flight = itinerary(fare=False)
    flight.segments[0].departure.CopyFrom(endpoint(*departure))
    flight.segments[0].arrival.CopyFrom(endpoint(*arrival))
    assert searched(flight, total=1).endswith(f"arriving in {arrival[0]} at {words}.")


def test_status_names_the_day_of_an_arrival_after_midnight() -> None:
    arrived = datetime(2026, 11, 24, 19, 5, tzinfo=UTC)
    assert line_of(flight_status_pb2.FLIGHT_STATE_LANDED, actual_arrival_time=arrived).endswith(
        "at 00:35 the next day."
    )


def test_one_flight_is_one() -> None:
    assert searched(itinerary(fare=False), total=1).startswith("One flight. ")


def test_samples_are_called_samples() -> None:
    assert searched(itinerary(sample=True), total=1).endswith(SAMPLE)
    assert answer_line(
        [
            flight_status_pb2.GetFlightStatusResponse(
                statuses=[flight_status_pb2.FlightStatus(provenance=flights_pb2.Provenance(sample=True))]
            )
        ]
    ).endswith(SAMPLE)


@pytest.mark.parametrize(
    ("nanos", "words"),
    [(900_000_000, "129.90 EUR"), (0, "129 EUR"), (50_000_000, "129.05 EUR"), (375_000_000, "129.375 EUR")],
)
def test_price_is_exact(nanos: int, words: str) -> None:
    priced = itinerary()
    priced.fare.total.CopyFrom(Money(currency_code="EUR", units=129, nanos=nanos))
    assert searched(priced, total=1).endswith(f", for {words}.")


@pytest.mark.parametrize("left", [0, 1])
def test_flight_with_too_few_seats_is_called_sold_out(left: int) -> None:
    full = itinerary(fare=False)
    full.seats_left = left
    assert searched(full, total=1).endswith("at 10:00, but it is sold out.")


def test_flight_with_few_seats_has_its_price() -> None:
    scarce = itinerary()
    scarce.seats_left = 2
    assert searched(scarce, total=1).endswith("at 10:00, for 4,500 INR.")


def test_a_journey_line_has_all_legs_and_the_total_price() -> None:
    out, back = itinerary(fare=False), itinerary(fare=False)
    out.itinerary_id, back.itinerary_id = "out", "back"
    back.segments[0].departure.CopyFrom(endpoint("Delhi", 5))
    journey = flights_pb2.Journey(itinerary_ids=["out", "back"])
    journey.fare.total.CopyFrom(Money(currency_code="INR", units=9000))
    results = flights_pb2.SearchFlightsResponse(
        results=flights_pb2.SearchResults(itineraries=[out, back], journeys=[journey])
    )
    line = answer_line(
        [results, flights_pb2.SearchFlightsResponse(done=flights_pb2.SearchDone(result_count=4))]
    )
    assert (
        line == "4 journeys. The first is Air India AI542 from Chennai at 07:00, then Air India AI542 from "
        "Delhi at 11:00, for 9,000 INR."
    )


@pytest.mark.parametrize("found", [True, False])
def test_partial_results_are_marked(found: bool) -> None:
    done = flights_pb2.SearchDone(result_count=1 if found else 0, limits=[flights_pb2.SEARCH_LIMIT_PART])
    results = flights_pb2.SearchResults(itineraries=[itinerary()] if found else [])
    assert PARTIAL in answer_line(
        [flights_pb2.SearchFlightsResponse(results=results), flights_pb2.SearchFlightsResponse(done=done)]
    )


def test_no_fitting_flight_differs_from_no_flight() -> None:
    assert searched(total=0, unfiltered=4) == "There is no flight like that that day."
    assert searched(total=0) == "There is no flight there that day."


def test_delay_line_has_the_new_time() -> None:
    status = flight_status_pb2.FlightStatus(
        flight_number="AI542",
        carrier="Air India",
        state=flight_status_pb2.FLIGHT_STATE_DELAYED,
        departure_delay=Duration(seconds=60 * 25),
    )
    status.scheduled_departure.CopyFrom(endpoint("Chennai", 1))
    status.estimated_departure_time.FromDatetime(datetime(2026, 11, 24, 1, 55, tzinfo=UTC))
    assert answer_line([flight_status_pb2.GetFlightStatusResponse(statuses=[status])]) == (
        "Air India AI542 is delayed, 25 minutes late, now leaving at 07:25."
    )


def line_of(state: flight_status_pb2.FlightState.ValueType, *, late: int = 9, **times: datetime) -> str:
    """Return the line of a flight that left so many minutes late."""
    status = flight_status_pb2.FlightStatus(
        flight_number="AI542", carrier="Air India", state=state, departure_delay=Duration(seconds=60 * late)
    )
    status.scheduled_departure.CopyFrom(endpoint("Chennai", 1))
    status.scheduled_arrival.CopyFrom(endpoint("Delhi", 4))
    for name, moment in times.items():
        getattr(status, name).FromDatetime(moment)
    return answer_line([flight_status_pb2.GetFlightStatusResponse(statuses=[status])])


def test_flight_on_time_is_not_called_late() -> None:
    assert line_of(flight_status_pb2.FLIGHT_STATE_ON_TIME) == "Air India AI542 is on time."


def test_flight_that_left_late_and_arrived_early_has_its_arrival() -> None:
    arrived = datetime(2026, 11, 24, 4, 20, tzinfo=UTC)
    line = "Air India AI542 has landed in Delhi; it arrived at 09:50."
    assert (
        line_of(
            flight_status_pb2.FLIGHT_STATE_LANDED, actual_arrival_time=arrived, estimated_arrival_time=arrived
        )
        == line
    )


def test_estimated_arrival_is_called_expected() -> None:
    expected = datetime(2026, 11, 24, 4, 20, tzinfo=UTC)
    line = "Air India AI542 has landed in Delhi; it was expected at 09:50."
    assert line_of(flight_status_pb2.FLIGHT_STATE_LANDED, estimated_arrival_time=expected) == line


def test_unknown_arrival_is_left_out() -> None:
    assert line_of(flight_status_pb2.FLIGHT_STATE_LANDED) == "Air India AI542 has landed."


def test_flight_in_the_air_has_its_expected_arrival() -> None:
    expected = datetime(2026, 11, 24, 4, 40, tzinfo=UTC)
    assert (
        line_of(flight_status_pb2.FLIGHT_STATE_EN_ROUTE, estimated_arrival_time=expected)
        == "Air India AI542 is in the air, and expected in Delhi at 10:10."
    )


@pytest.mark.parametrize(
    ("late", "words"),
    [
        (0, "planned to arrive in Delhi at 10:00"),
        (9, "should be in Delhi at about 10:09; it left 9 minutes late"),
        (180, "should be in Delhi at about 13:00; it left 180 minutes late"),
    ],
)
def test_flight_in_the_air_is_not_expected_at_its_planned_time(late: int, words: str) -> None:
    assert (
        line_of(flight_status_pb2.FLIGHT_STATE_EN_ROUTE, late=late)
        == f"Air India AI542 is in the air, and {words}."
    )


def test_cancelled_flight_is_not_late() -> None:
    assert line_of(flight_status_pb2.FLIGHT_STATE_CANCELLED) == "Air India AI542 is cancelled."


def test_states_of_a_flight_have_words() -> None:
    for state in flight_status_pb2.FlightState.values():
        line = answer_line(
            [
                flight_status_pb2.GetFlightStatusResponse(
                    statuses=[
                        flight_status_pb2.FlightStatus(
                            flight_number="AI542", carrier="Air India", state=state
                        )
                    ]
                )
            ]
        )
        assert line.startswith("Air India AI542 ")


def test_route_line_has_the_first_flight_and_the_number_of_others() -> None:
    status = flight_status_pb2.FlightStatus(
        flight_number="AI542", carrier="Air India", state=flight_status_pb2.FLIGHT_STATE_ON_TIME
    )
    assert (
        answer_line([flight_status_pb2.ListRouteFlightStatusesResponse(statuses=[status])])
        == "Air India AI542 is on time."
    )
    assert (
        answer_line([flight_status_pb2.ListRouteFlightStatusesResponse(statuses=[status] * 3)])
        == "Air India AI542 is on time. 2 more are listed."
    )
    assert (
        answer_line([flight_status_pb2.ListRouteFlightStatusesResponse()])
        == "No flight is known there that day."
    )


def test_airport_line_has_its_name_and_place() -> None:
    answer = places_pb2.GetAirportResponse(
        airport=places_pb2.Airport(name="Chennai International Airport", city="Chennai", country="India")
    )
    assert answer_line([answer]) == "Chennai International Airport serves Chennai, India."


def test_other_answers_have_no_line() -> None:
    assert answer_line([]) == ""
    assert answer_line([places_pb2.ResolvePlaceResponse()]) == ""
