"""Tables of flights: local times, prices, arrivals on another day."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money
from readback.flightdata.v1 import flight_status_pb2, flights_pb2
from rich.console import Console
from rich.table import Table

from cli.rendering import flight_tables

pytestmark = pytest.mark.unit

LEAVES = datetime(2027, 3, 3, 16, 10, tzinfo=UTC)
TAKES = timedelta(hours=2, minutes=35)


def timestamp(time: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp


def endpoint(code: str, city: str, time: datetime) -> flights_pb2.FlightEndpoint:
    return flights_pb2.FlightEndpoint(
        airport_code=code, city=city, time=timestamp(time), time_zone="Asia/Kolkata"
    )


def itinerary() -> flights_pb2.Itinerary:
    takes = Duration()
    takes.FromTimedelta(TAKES)
    segment = flights_pb2.Segment(
        carrier_code="6E",
        carrier="IndiGo",
        flight_number="6E3981",
        departure=endpoint("MAA", "Chennai", LEAVES),
        arrival=endpoint("DEL", "Delhi", LEAVES + TAKES),
        duration=takes,
    )
    fare = flights_pb2.Fare(total=Money(currency_code="INR", units=10_860, nanos=500_000_000))
    return flights_pb2.Itinerary(segments=[segment], duration=takes, fare=fare)


def shown(table: Table) -> str:
    output = io.StringIO()
    Console(file=output, width=160).print(table)
    return output.getvalue()


def test_a_row_shows_local_times_the_next_day_the_duration_and_the_price() -> None:
    row = shown(flight_tables.itineraries([itinerary()])).splitlines()[-1].split("  ")
    assert [cell.strip() for cell in row if cell.strip()] == [
        "6E 3981",
        "IndiGo",
        "21:40 MAA",
        "00:15 DEL +1",
        "2 h 35",
        "INR 10,860",
    ]


def test_a_flight_without_a_fare_has_an_empty_price() -> None:
    free = itinerary()
    free.ClearField("fare")
    assert "INR" not in shown(flight_tables.itineraries([free]))


def test_a_sold_out_flight_says_so_and_a_doubtful_one_is_marked() -> None:
    full = itinerary()
    full.ClearField("fare")
    full.seats_left = 0
    full.segments[0].doubts.append(flights_pb2.DOUBT_IMPOSSIBLE_DURATION)
    row = shown(flight_tables.itineraries([full]))
    assert "sold out" in row
    assert "6E 3981 ?" in row


def test_an_offer_shows_its_flights_seller_and_expiry() -> None:
    out, back = itinerary(), itinerary()
    out.itinerary_id, back.itinerary_id = "out", "back"
    back.segments[0].flight_number = "6E77"
    fare = flights_pb2.Fare(total=Money(currency_code="INR", units=9_000))
    both = flights_pb2.Offer(
        itinerary_ids=["out", "back"],
        seller="Tripdesk",
        fare=fare,
        expire_time=timestamp(LEAVES),
        ticket_count=2,
    )
    row = shown(flight_tables.offers([both], [out, back])).splitlines()[-1]
    until = f"{LEAVES.astimezone():%H:%M}"
    assert [cell.strip() for cell in row.split("  ") if cell.strip()] == [
        "6E 3981 / 6E 77",
        "Tripdesk",
        "INR 9,000",
        until,
        "2 separate tickets",
    ]


def there_and_back() -> list[flights_pb2.Itinerary]:
    out, back = itinerary(), itinerary()
    out.itinerary_id, back.itinerary_id = "out", "back"
    back.leg_index, back.segments[0].flight_number = 1, "6E77"
    return [out, back]


def test_a_return_is_one_row_at_the_price_of_both() -> None:
    fare = flights_pb2.Fare(total=Money(currency_code="INR", units=19_000))
    table = flight_tables.journeys(
        [flights_pb2.Journey(itinerary_ids=["out", "back"], fare=fare)], there_and_back()
    )
    head, row = (
        [cell.strip() for cell in line.split("  ") if cell.strip()] for line in shown(table).splitlines()
    )
    assert head == ["out", "leaves", "arrives", "back", "leaves", "arrives", "price"]
    assert row == ["6E 3981", "21:40 MAA", "00:15 DEL +1", "6E 77", "21:40 MAA", "00:15 DEL +1", "INR 19,000"]


def test_a_return_without_a_fare_has_an_empty_price() -> None:
    table = flight_tables.journeys([flights_pb2.Journey(itinerary_ids=["out", "back"])], there_and_back())
    assert "INR" not in shown(table)


def test_gate_terminal_belt_and_doubts_of_a_status_are_shown() -> None:
    known = status(doubts=[flights_pb2.DOUBT_CONTRADICTORY_TIMES])
    (
        known.scheduled_departure.terminal,
        known.scheduled_departure.gate,
        known.scheduled_arrival.baggage_belt,
    ) = "1", "12", "4"
    text = shown(flight_tables.status(known))
    assert "terminal 1, gate 12" in text
    assert "belt 4" in text
    assert "contradict each other" in text


def status(**more: object) -> flight_status_pb2.FlightStatus:
    known = flight_status_pb2.FlightStatus(
        flight_number="AI542",
        carrier="Air India",
        state=flight_status_pb2.FLIGHT_STATE_EN_ROUTE,
        scheduled_departure=endpoint("MAA", "Chennai", LEAVES),
        scheduled_arrival=endpoint("DEL", "Delhi", LEAVES + TAKES),
    )
    known.MergeFrom(flight_status_pb2.FlightStatus(**more))  # type: ignore[arg-type]  # fields of the message
    return known


def test_a_flight_on_time_has_no_second_time() -> None:
    text = shown(flight_tables.status(status(estimated_departure_time=timestamp(LEAVES))))
    assert "Air India, en route" in text
    assert "Chennai (MAA), Wed 03 Mar 21:40" in text
    assert "expected" not in text


def test_an_unconfirmed_time_is_marked_as_scheduled() -> None:
    leaves, arrives = shown(
        flight_tables.status(status(estimated_departure_time=timestamp(LEAVES)))
    ).splitlines()[1:]
    assert leaves.rstrip().endswith("Wed 03 Mar 21:40")
    assert arrives.rstrip().endswith("Thu 04 Mar 00:15 (scheduled)")


def test_a_flight_that_left_and_landed_tells_when() -> None:
    left, landed = (
        timestamp(LEAVES + timedelta(minutes=25)),
        timestamp(LEAVES + timedelta(hours=2, minutes=15)),
    )
    done = status(
        departure_delay=timedelta(minutes=25),
        actual_departure_time=left,
        estimated_departure_time=left,
        actual_arrival_time=landed,
        estimated_arrival_time=landed,
    )
    done.state = flight_status_pb2.FLIGHT_STATE_LANDED
    text = shown(flight_tables.status(done))
    assert "landed, left 25 minutes late" in text
    assert "21:40, left 22:05" in text
    assert "00:15, arrived 23:55 -1" in text
    assert "expected" not in text


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (flight_status_pb2.FLIGHT_STATE_DELAYED, "delayed, 25 minutes late"),
        (flight_status_pb2.FLIGHT_STATE_CANCELLED, "cancelled"),
        (flight_status_pb2.FLIGHT_STATE_ON_TIME, "on time"),
    ],
)
def test_only_what_is_late_is_called_late(state: flight_status_pb2.FlightState.ValueType, text: str) -> None:
    late = status(departure_delay=timedelta(minutes=25))
    late.state = state
    assert shown(flight_tables.status(late)).splitlines()[0].rstrip().endswith(text)


def test_an_arrival_on_the_day_before_is_marked_as_that() -> None:
    east = itinerary()
    east.segments[0].arrival.time_zone = "Pacific/Pago_Pago"
    assert "07:45 DEL -1" not in shown(flight_tables.itineraries([east]))
    east.segments[0].departure.time_zone = "Pacific/Auckland"
    assert "07:45 DEL -1" in shown(flight_tables.itineraries([east]))


def test_a_late_flight_tells_by_how_much_and_when_it_is_expected() -> None:
    late = status(
        departure_delay=timedelta(minutes=25),
        estimated_departure_time=timestamp(LEAVES + timedelta(minutes=25)),
    )
    text = shown(flight_tables.status(late))
    assert "25 minutes late" in text
    assert "21:40, now expected 22:05" in text
