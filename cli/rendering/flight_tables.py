"""Flights as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money
from readback.flightdata.v1 import flight_status_pb2, flights_pb2
from rich.markup import escape
from rich.table import Table

DOUBT_MARK = "[yellow]?[/]"
"""Mark of flights with contradictory or impossible times."""
SAMPLE_NOTICE = "[yellow]Sample data: these flights are not real.[/]"
PARTIAL_NOTICE = "[yellow]Not all flights could be searched.[/]"
DOUBT_TEXTS = {
    flights_pb2.DOUBT_IMPOSSIBLE_DURATION: "no aircraft flies that far in the time given",
    flights_pb2.DOUBT_CONTRADICTORY_TIMES: "the times given contradict each other",
}
_DEPARTED = frozenset(
    {
        flight_status_pb2.FLIGHT_STATE_EN_ROUTE,
        flight_status_pb2.FLIGHT_STATE_LANDED,
        flight_status_pb2.FLIGHT_STATE_DIVERTED,
    }
)


def itineraries(found: Sequence[flights_pb2.Itinerary]) -> Table:
    """Return a table with one row per itinerary."""
    table = _table("flight", "carrier", "leaves", "arrives", "takes", "price")
    for itinerary in found:
        price = "sold out" if itinerary.HasField("seats_left") else ""
        if itinerary.HasField("fare"):
            price = money(itinerary.fare.total)
        flight, leaves, arrives = _leg(itinerary)
        carrier, duration = escape(itinerary.segments[0].carrier), _length(itinerary.duration)
        table.add_row(flight, carrier, leaves, arrives, duration, price)
    return table


def journeys(found: Sequence[flights_pb2.Journey], legs_of_all: Sequence[flights_pb2.Itinerary]) -> Table:
    """Return a table with one row per journey: flight numbers and times of each leg, and the total price."""
    by_id = {itinerary.itinerary_id: itinerary for itinerary in legs_of_all}
    count = max((len(journey.itinerary_ids) for journey in found), default=0)
    titles = ("out", "back") if count == 2 else [f"leg {number + 1}" for number in range(count)]
    table = _table(*(heading for title in titles for heading in (title, "leaves", "arrives")), "price")
    for journey in found:
        cells = [cell for name in journey.itinerary_ids for cell in _leg(by_id[name])]
        table.add_row(*cells, money(journey.fare.total) if journey.HasField("fare") else "")
    return table


def offers(found: Sequence[flights_pb2.Offer], offered: Sequence[flights_pb2.Itinerary]) -> Table:
    """Return a table with one row per offer. Expiry times are in the local time of this machine."""
    numbers = {itinerary.itinerary_id: _numbers(itinerary) for itinerary in offered}
    table = _table("offer", "seller", "price", "until", "")
    for offer in found:
        flights = " / ".join(numbers[name] for name in offer.itinerary_ids)
        until = f"{offer.expire_time.ToDatetime(UTC).astimezone():%H:%M}"
        tickets = f"{offer.ticket_count} separate tickets" if offer.ticket_count > 1 else ""
        table.add_row(flights, escape(offer.seller), money(offer.fare.total), until, tickets)
    return table


def status(flight: flight_status_pb2.FlightStatus) -> Table:
    """Return a table with the state, times, and gates of one flight."""
    table = Table(box=None, show_header=False, padding=(0, 2))
    state = (
        flight_status_pb2.FlightState.Name(flight.state)
        .removeprefix("FLIGHT_STATE_")
        .replace("_", " ")
        .lower()
    )
    table.add_row(f"[bold]{flight.flight_number}[/]", f"{escape(flight.carrier)}, {state}{_delay(flight)}")
    for label, end, past in (("leaves", "departure", "left"), ("arrives", "arrival", "arrived")):
        place: flights_pb2.FlightEndpoint = getattr(flight, f"scheduled_{end}")
        places = ("terminal", place.terminal), ("gate", place.gate), ("belt", place.baggage_belt)
        where = "".join(f", {word} {escape(value)}" for word, value in places if value)
        time = (
            f"{_local(place.time, place.time_zone):%a %d %b %H:%M}{_changed_time(flight, end, place, past)}"
        )
        table.add_row(label, f"{escape(place.city)} ({place.airport_code}), {time}{where}")
    for doubt in flight.doubts:
        table.add_row("[yellow]doubtful[/]", DOUBT_TEXTS.get(doubt, "the data can't be right"))
    return table


def _table(*headings: str) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 2))
    for heading in headings:
        table.add_column(heading, justify="right" if heading in ("takes", "price") else "left")
    return table


def _leg(itinerary: flights_pb2.Itinerary) -> tuple[str, str, str]:
    """Return flight numbers, departure and arrival of an itinerary."""
    first, last = itinerary.segments[0].departure, itinerary.segments[-1].arrival
    mark = f" {DOUBT_MARK}" if any(segment.doubts for segment in itinerary.segments) else ""
    return _numbers(itinerary) + mark, _time_and_airport(first, first), _time_and_airport(last, first)


def _numbers(itinerary: flights_pb2.Itinerary) -> str:
    return " + ".join(
        f"{s.carrier_code} {s.flight_number.removeprefix(s.carrier_code)}" for s in itinerary.segments
    )


def _delay(flight: flight_status_pb2.FlightStatus) -> str:
    """Return the departure delay in words; empty unless the flight is delayed or has left late."""
    minutes = flight.departure_delay.ToTimedelta() // timedelta(minutes=1)
    if minutes and flight.state in _DEPARTED:
        return f", left {minutes} minutes late"
    if minutes and flight.state == flight_status_pb2.FLIGHT_STATE_DELAYED:
        return f", {minutes} minutes late"
    return ""


def _changed_time(
    flight: flight_status_pb2.FlightStatus, end: str, scheduled: flights_pb2.FlightEndpoint, past: str
) -> str:
    """Return the actual time, or else a changed estimate, in words; ` (scheduled)` if neither is known."""
    for word, name in ((past, f"actual_{end}_time"), ("now expected", f"estimated_{end}_time")):
        if flight.HasField(name):  # type: ignore[arg-type]  # one of the names above
            known: Timestamp = getattr(flight, name)
            changed = word == past or known != scheduled.time
            return f", {word} {_clock(known, scheduled.time, scheduled.time_zone)}" if changed else ""
    return " (scheduled)"


def money(amount: Money) -> str:
    """Return an amount with its currency, rounded to whole units."""
    return f"{amount.currency_code} {amount.units + amount.nanos / 1e9:,.0f}"


def _time_and_airport(endpoint: flights_pb2.FlightEndpoint, start: flights_pb2.FlightEndpoint) -> str:
    local = _local(endpoint.time, endpoint.time_zone)
    return f"{local:%H:%M} {endpoint.airport_code}{_days(local, _local(start.time, start.time_zone))}"


def _clock(time: Timestamp, since: Timestamp, zone: str) -> str:
    local = _local(time, zone)
    return f"{local:%H:%M}{_days(local, _local(since, zone))}"


def _days(local: datetime, since: datetime) -> str:
    """Return the difference in calendar days, for example ` +1` for the next day; empty on the same day."""
    days = (local.date() - since.date()).days
    return f" {days:+d}" if days else ""


def _local(time: Timestamp, zone: str) -> datetime:
    return time.ToDatetime(UTC).astimezone(ZoneInfo(zone))


def _length(duration: Duration) -> str:
    minutes = int(duration.ToTimedelta() / timedelta(minutes=1))
    return f"{minutes // 60} h {minutes % 60:02d}"
