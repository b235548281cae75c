"""Flights and itineraries, and their contract messages."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from readback.flightdata.v1 import flight_status_pb2, flights_pb2

from services.flightdata.model.fares import Cabin, Fare, Money
from services.flightdata.model.flights import Endpoint, FlightStatus, Itinerary, Provenance, Segment, State
from services.flightdata.model.instants import Instant
from services.flightdata.model.queries import Filters, Window
from services.flightdata.model.search_results import Results
from services.flightdata.providers.routing import Progress
from services.flightdata.wire import messages

pytestmark = pytest.mark.unit

CHENNAI, NEW_YORK = ZoneInfo("Asia/Kolkata"), ZoneInfo("America/New_York")
SAID = Provenance("sample-timetable", datetime(2026, 11, 23, 4, tzinfo=UTC), cached=False, sample=True)
NOW = datetime(2026, 11, 23, 4, 5, tzinfo=UTC)


def _endpoint(airport: str, city: str, moment: datetime) -> Endpoint:
    return Endpoint(airport, city, Instant.of(moment, str(moment.tzinfo)))


def _segment(leaves: time = time(8, 20), carrier: str = "AI") -> Segment:
    departure = datetime.combine(date(2026, 11, 24), leaves, CHENNAI)
    arrival = (departure + timedelta(hours=2, minutes=35)).astimezone(CHENNAI)
    stops = (
        _endpoint("MAA", "Chennai", departure),
        Endpoint("DEL", "Delhi", Instant.of(arrival, "Asia/Kolkata"), "3"),
    )
    return Segment(carrier, "Air India", f"{carrier}542", *stops)


def _itinerary(*segments: Segment, amount: str = "6240") -> Itinerary:
    one = Money("INR", Decimal(amount))
    return Itinerary("an-id", segments or (_segment(),), Fare(one.times(2), one, Cabin.BUSINESS), SAID)


@pytest.mark.parametrize(
    ("filters", "admitted"),
    [
        (Filters(), True),
        (Filters(departs=Window(time(8, 20))), True),
        (Filters(departs=Window(time(8, 21))), False),
        (Filters(departs=Window(end=time(8, 20))), False),
        (Filters(departs=Window(end=time(8, 21))), True),
        (Filters(departs=Window(time(22), time(9))), True),
        (Filters(departs=Window(time(22), time(8))), False),
        (Filters(carriers=frozenset({"AI"}), max_stops=0), True),
        (Filters(carriers=frozenset({"6E"})), False),
    ],
)
def test_filters_admit_fitting_itineraries(filters: Filters, admitted: bool) -> None:
    assert filters.admit(_itinerary()) is admitted


def test_nonstop_means_one_segment_and_a_carrier_means_all_of_them() -> None:
    both = _itinerary(_segment(), _segment(time(13), carrier="6E"))
    assert not Filters(max_stops=0).admit(both)
    assert not Filters(carriers=frozenset({"AI"})).admit(both)
    assert Filters().admit(both)


def test_durations_are_between_instants_not_local_times() -> None:
    departure = _endpoint("DEL", "Delhi", datetime(2026, 11, 24, 8, 20, tzinfo=CHENNAI))
    arrival = _endpoint("JFK", "New York", datetime(2026, 11, 24, 12, 55, tzinfo=NEW_YORK))
    segment = Segment("AI", "Air India", "AI101", departure, arrival)
    assert segment.duration == _itinerary(segment).duration == timedelta(hours=15, minutes=5)


def test_an_itinerary_message_is_complete() -> None:
    message = messages.itinerary(_itinerary(), NOW)
    (segment,) = message.segments
    assert (message.itinerary_id, segment.flight_number, segment.carrier_code) == ("an-id", "AI542", "AI")
    assert segment.departure.time.ToDatetime() == datetime(2026, 11, 24, 2, 50)
    assert (segment.departure.time_zone, segment.arrival.terminal) == ("Asia/Kolkata", "3")
    assert message.duration.ToTimedelta() == segment.duration.ToTimedelta() == timedelta(minutes=155)
    assert (message.fare.total.units, message.fare.per_adult.units, message.fare.total.currency_code) == (
        12480,
        6240,
        "INR",
    )
    assert message.fare.cabin == flights_pb2.CABIN_BUSINESS
    assert (message.provenance.provider, message.provenance.sample, message.provenance.cached) == (
        "sample-timetable",
        True,
        False,
    )


def test_fractions_of_money_are_written_in_nanos() -> None:
    message = messages.itinerary(_itinerary(amount="12.35"), NOW)
    assert (message.fare.per_adult.units, message.fare.per_adult.nanos) == (12, 350_000_000)


def test_every_search_event_has_its_message() -> None:
    progress = messages.search_event(Progress("sample-timetable", finished=True), NOW).progress
    assert (progress.provider, progress.finished) == ("sample-timetable", True)
    assert len(messages.search_event(Results([_itinerary(), _itinerary()]), NOW).results.itineraries) == 2
    done = flights_pb2.SearchDone(
        outcome=flights_pb2.SEARCH_OUTCOME_FOUND, result_count=3, unfiltered_count=9
    )
    assert messages.search_event(done, NOW).done == done


@pytest.mark.parametrize("state", State)
def test_every_state_has_its_own_value(state: State) -> None:
    late = timedelta(minutes=42)
    estimated = datetime(2026, 11, 24, 3, 32, tzinfo=UTC)
    message = messages.status(
        FlightStatus(_segment(), date(2026, 11, 24), state, estimated, None, late, SAID), NOW
    )
    name = "UNSPECIFIED" if state is State.UNKNOWN else state.name
    assert flight_status_pb2.FlightState.Name(message.state) == f"FLIGHT_STATE_{name}"
    assert (message.departure_delay.ToTimedelta(), message.departure_date.day) == (timedelta(minutes=42), 24)
    assert message.estimated_departure_time.ToDatetime() == datetime(2026, 11, 24, 3, 32)
    assert not message.HasField("estimated_arrival_time")
