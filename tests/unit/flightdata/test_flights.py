"""The records of the domain, and how the contract writes them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from google.type.date_pb2 import Date
from google.type.timeofday_pb2 import TimeOfDay
from readback.flightdata.v1 import flightdata_service_pb2 as pb

from mesh.errors import InvalidRequest
from services.flightdata import flight_messages
from services.flightdata.errors import DateInvalid
from services.flightdata.flights import Cabin, Fare, Filters, FlightStatus, Itinerary, Money, Provenance, Segment, Sort, State, Stop
from services.flightdata.searching import Done, Progress, Results

pytestmark = pytest.mark.unit

CHENNAI, NEW_YORK = ZoneInfo("Asia/Kolkata"), ZoneInfo("America/New_York")
SAID = Provenance("sample-timetable", datetime(2026, 11, 23, 4, tzinfo=UTC), cached=False, sample=True)


def _segment(leaves: time = time(8, 20), carrier: str = "AI") -> Segment:
    departure = datetime.combine(date(2026, 11, 24), leaves, CHENNAI)
    arrival = (departure + timedelta(hours=2, minutes=35)).astimezone(CHENNAI)
    stops = Stop("MAA", "Chennai", departure, "Asia/Kolkata"), Stop("DEL", "Delhi", arrival, "Asia/Kolkata", "3")
    return Segment(carrier, "Air India", f"{carrier}542", *stops)


def _itinerary(*segments: Segment, amount: str = "6240") -> Itinerary:
    one = Money("INR", Decimal(amount))
    return Itinerary("an-id", segments or (_segment(),), Fare(one, one.times(2), Cabin.BUSINESS), SAID)


@pytest.mark.parametrize(
    ("filters", "admitted"),
    [
        (Filters(), True),
        (Filters(depart_from=time(8, 20)), True),
        (Filters(depart_from=time(8, 21)), False),
        (Filters(depart_until=time(8, 20)), False),
        (Filters(depart_until=time(8, 21)), True),
        (Filters(depart_from=time(22), depart_until=time(9)), True),
        (Filters(depart_from=time(22), depart_until=time(8)), False),
        (Filters(carrier="AI", nonstop=True), True),
        (Filters(carrier="6E"), False),
    ],
)
def test_filters_admit_what_fits(filters: Filters, admitted: bool) -> None:
    assert filters.admit(_itinerary()) is admitted


def test_nonstop_means_one_segment_and_a_carrier_means_all_of_them() -> None:
    both = _itinerary(_segment(), _segment(time(13), carrier="6E"))
    assert not Filters(nonstop=True).admit(both)
    assert not Filters(carrier="AI").admit(both)
    assert Filters().admit(both)


def test_durations_are_of_instants_and_not_of_clock_faces() -> None:
    departure = Stop("DEL", "Delhi", datetime(2026, 11, 24, 8, 20, tzinfo=CHENNAI), "Asia/Kolkata")
    arrival = Stop("JFK", "New York", datetime(2026, 11, 24, 12, 55, tzinfo=NEW_YORK), "America/New_York")
    segment = Segment("AI", "Air India", "AI101", departure, arrival)
    assert segment.duration == _itinerary(segment).duration == timedelta(hours=15, minutes=5)


def test_an_itinerary_is_written_whole() -> None:
    message = flight_messages.itinerary(_itinerary())
    (segment,) = message.segments
    assert (message.itinerary_id, segment.flight_number, segment.carrier_code) == ("an-id", "AI542", "AI")
    assert segment.departure.time.ToDatetime() == datetime(2026, 11, 24, 2, 50)
    assert (segment.departure.time_zone, segment.arrival.terminal) == ("Asia/Kolkata", "3")
    assert message.duration.ToTimedelta() == segment.duration.ToTimedelta() == timedelta(minutes=155)
    assert (message.fare.total.units, message.fare.per_passenger.units, message.fare.total.currency_code) == (12480, 6240, "INR")
    assert message.fare.cabin == pb.CABIN_BUSINESS
    assert (message.provenance.provider, message.provenance.sample, message.provenance.cached) == ("sample-timetable", True, False)


def test_fractions_of_money_are_written_in_nanos() -> None:
    message = flight_messages.itinerary(_itinerary(amount="12.35"))
    assert (message.fare.per_passenger.units, message.fare.per_passenger.nanos) == (12, 350_000_000)


def test_events_of_a_search_are_written_as_what_they_are() -> None:
    progress = flight_messages.event(Progress("sample-timetable", finished=True)).progress
    assert (progress.provider, progress.finished) == ("sample-timetable", True)
    assert len(flight_messages.event(Results([_itinerary(), _itinerary()])).results.itineraries) == 2
    found, empty = (flight_messages.event(Done(total, 9, SAID)).done for total in (3, 0))
    assert (found.outcome, found.total, found.total_unfiltered) == (pb.SEARCH_OUTCOME_FOUND, 3, 9)
    assert empty.outcome == pb.SEARCH_OUTCOME_EMPTY


@pytest.mark.parametrize("state", State)
def test_every_state_has_a_value_of_its_own(state: State) -> None:
    late = timedelta(minutes=42)
    estimated = datetime(2026, 11, 24, 3, 32, tzinfo=UTC)
    message = flight_messages.status(FlightStatus(_segment(), date(2026, 11, 24), state, estimated, None, late, SAID))
    assert pb.FlightState.Name(message.state) == f"FLIGHT_STATE_{state.name}"
    assert (message.delay_minutes, message.depart_date.day) == (42, 24)
    assert message.estimated_departure_time.ToDatetime() == datetime(2026, 11, 24, 3, 32)
    assert not message.HasField("estimated_arrival_time")


def test_a_request_becomes_a_query_with_its_defaults() -> None:
    query = flight_messages.query_from(
        pb.SearchFlightsRequest(origin="MAA", destination="DEL", depart_date=Date(year=2026, month=11, day=24))
    )
    assert (query.origin, query.destination, query.date) == ("MAA", "DEL", date(2026, 11, 24))
    assert (query.passengers, query.limit, query.sort, query.cabin, query.filters) == (1, 20, Sort.EARLIEST, Cabin.ECONOMY, Filters())


def test_a_request_keeps_what_it_asks_for() -> None:
    request = pb.SearchFlightsRequest(
        depart_date=Date(year=2026, month=11, day=24),
        depart_from=TimeOfDay(hours=6, minutes=30),
        depart_until=TimeOfDay(hours=24),
        nonstop=True,
        carrier_code="AI",
        sort=pb.FLIGHT_SORT_CHEAPEST,
        cabin=pb.CABIN_FIRST,
        passengers=9,
        max_results=100,
    )
    query = flight_messages.query_from(request)
    assert query.filters == Filters(depart_from=time(6, 30), depart_until=None, nonstop=True, carrier="AI")
    assert (query.sort, query.cabin, query.passengers, query.limit) == (Sort.CHEAPEST, Cabin.FIRST, 9, 100)


@pytest.mark.parametrize("message", [Date(), Date(year=2026, month=12), Date(year=2026, month=2, day=30), Date(year=-1, month=1, day=1)])
def test_what_is_no_day_is_refused(message: Date) -> None:
    with pytest.raises(DateInvalid):
        flight_messages.day_from(message)


@pytest.mark.parametrize("wrong", [TimeOfDay(hours=25), TimeOfDay(minutes=60), TimeOfDay(hours=24, minutes=1), TimeOfDay(seconds=-1)])
def test_what_is_no_time_of_day_is_refused_by_its_field(wrong: TimeOfDay) -> None:
    request = pb.SearchFlightsRequest(depart_date=Date(year=2026, month=11, day=24), depart_until=wrong)
    with pytest.raises(InvalidRequest) as refused:
        flight_messages.query_from(request)
    assert [violation.field for violation in refused.value.violations] == ["depart_until"]
