"""Flights as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money
from readback.flightdata.v1 import flightdata_service_pb2 as flightdata
from rich.markup import escape
from rich.table import Table

DOUBTED = "[yellow]?[/]"
"""Beside times that contradict each other or that no aircraft could fly."""
SAMPLE = "[yellow]Sample data: flights that nobody flies.[/]"
PARTIAL = "[yellow]Only a part of the flights there are could be looked at.[/]"


def itineraries(found: Sequence[flightdata.Itinerary]) -> Table:
    """One row an itinerary."""
    table = Table(box=None, header_style="dim", padding=(0, 2))
    for heading, side in (
        ("flight", "left"),
        ("carrier", "left"),
        ("leaves", "left"),
        ("arrives", "left"),
        ("takes", "right"),
        ("price", "right"),
    ):
        table.add_column(heading, justify="right" if side == "right" else "left")
    for itinerary in found:
        first, last = itinerary.segments[0], itinerary.segments[-1]
        table.add_row(
            _numbers(itinerary) + _doubts(*(segment.doubts for segment in itinerary.segments)),
            escape(first.carrier),
            _stop(first.departure, first.departure),
            _stop(last.arrival, first.departure),
            _length(itinerary.duration),
            money(itinerary.fare.total)
            if itinerary.HasField("fare")
            else "sold out"
            if itinerary.HasField("seats_left")
            else "",
        )
    return table


def journeys(found: Sequence[flightdata.Journey], flown: Sequence[flightdata.Itinerary]) -> Table:
    """One row a journey of several legs, each with its numbers and times; the price is that of all."""
    by_id = {itinerary.itinerary_id: itinerary for itinerary in flown}
    legs = [[by_id[name] for name in journey.itinerary_ids] for journey in found]
    table = Table(box=None, header_style="dim", padding=(0, 2))
    for number in range(max(map(len, legs), default=0)):
        for heading in (
            ("out", "back")[number] if len(legs[0]) == 2 else f"leg {number + 1}",
            "leaves",
            "arrives",
        ):
            table.add_column(heading)
    table.add_column("price", justify="right")
    for journey, itineraries_of in zip(found, legs, strict=True):
        cells = [cell for itinerary in itineraries_of for cell in _leg(itinerary)]
        table.add_row(*cells, money(journey.fare.total) if journey.HasField("fare") else "")
    return table


def _leg(itinerary: flightdata.Itinerary) -> tuple[str, str, str]:
    first, last = itinerary.segments[0].departure, itinerary.segments[-1].arrival
    doubts = _doubts(*(segment.doubts for segment in itinerary.segments))
    return _numbers(itinerary) + doubts, _stop(first, first), _stop(last, first)


def offers(found: Sequence[flightdata.Offer], sold: Sequence[flightdata.Itinerary]) -> Table:
    """One row an offer: what is sold, by whom, for how much and until when on the clock here."""
    numbers = {itinerary.itinerary_id: _numbers(itinerary) for itinerary in sold}
    table = Table(box=None, header_style="dim", padding=(0, 2))
    for heading in ("offer", "seller", "price", "until", ""):
        table.add_column(heading, justify="right" if heading == "price" else "left")
    for offer in found:
        ways = [numbers[name] for name in (offer.itinerary_id, offer.return_itinerary_id) if name]
        until = offer.expire_time.ToDatetime(UTC).astimezone()
        apart = f"{offer.tickets} separate tickets" if offer.tickets > 1 else ""
        table.add_row(
            " / ".join(ways), escape(offer.seller), money(offer.fare.total), f"{until:%H:%M}", apart
        )
    return table


def status(flight: flightdata.FlightStatus) -> Table:
    """What is known of one flight."""
    table = Table(box=None, show_header=False, padding=(0, 2))
    state = flightdata.FlightState.Name(flight.state).removeprefix("FLIGHT_STATE_").replace("_", " ").lower()
    table.add_row(f"[bold]{flight.flight_number}[/]", f"{escape(flight.carrier)}, {state}{_late(flight)}")
    for label, stop, news in (
        (
            "leaves",
            flight.scheduled_departure,
            _news(flight, "departure", flight.scheduled_departure, "left"),
        ),
        ("arrives", flight.scheduled_arrival, _news(flight, "arrival", flight.scheduled_arrival, "arrived")),
    ):
        where = "".join(f", {word} {escape(value)}" for word, value in _within(stop) if value)
        table.add_row(
            label,
            f"{escape(stop.city)} ({stop.airport_code}), {_local(stop.time, stop.time_zone):%a %d %b %H:%M}{news}{where}",
        )
    for doubt in flight.doubts:
        table.add_row("[yellow]doubtful[/]", DOUBTS.get(doubt, "what was told can't be right"))
    return table


_LEFT = frozenset(
    {flightdata.FLIGHT_STATE_EN_ROUTE, flightdata.FLIGHT_STATE_LANDED, flightdata.FLIGHT_STATE_DIVERTED}
)


def _late(flight: flightdata.FlightStatus) -> str:
    """How late it leaves or left, where that matters: who left late may arrive early, and who is cancelled isn't late."""
    late = f"{flight.delay_minutes} minutes late"
    if not flight.delay_minutes:
        return ""
    return (
        f", left {late}"
        if flight.state in _LEFT
        else f", {late}"
        if flight.state == flightdata.FLIGHT_STATE_DELAYED
        else ""
    )


def _news(flight: flightdata.FlightStatus, end: str, planned: flightdata.Stop, done: str) -> str:
    """What is known of an end beyond the plan, and that nothing is: a plan nobody confirms is no estimate."""
    for word, name in ((done, f"actual_{end}_time"), ("now expected", f"estimated_{end}_time")):
        if flight.HasField(name):  # type: ignore[arg-type]  # one of the names above
            known: Timestamp = getattr(flight, name)
            moved = word == done or known != planned.time
            return f", {word} {_clock(known, planned.time, planned.time_zone)}" if moved else ""
    return " by plan"


DOUBTS = {
    flightdata.DOUBT_IMPOSSIBLE_DURATION: "no aircraft flies that far in the time told",
    flightdata.DOUBT_CONTRADICTORY_TIMES: "the times told contradict each other",
}


def _within(stop: flightdata.Stop) -> tuple[tuple[str, str], ...]:
    """Where in the airport, as far as it is known."""
    return ("terminal", stop.terminal), ("gate", stop.gate), ("belt", stop.baggage_belt)


def _numbers(itinerary: flightdata.Itinerary) -> str:
    return " + ".join(
        f"{s.carrier_code} {s.flight_number.removeprefix(s.carrier_code)}" for s in itinerary.segments
    )


def _doubts(*told: Sequence[flightdata.Doubt.ValueType]) -> str:
    return f" {DOUBTED}" if any(told) else ""


def money(amount: Money) -> str:
    """An amount with its currency, rounded to what people quote."""
    return f"{amount.currency_code} {amount.units + amount.nanos / 1e9:,.0f}"


def _stop(stop: flightdata.Stop, start: flightdata.Stop) -> str:
    local = _local(stop.time, stop.time_zone)
    return f"{local:%H:%M} {stop.airport_code}{_days(local, _local(start.time, start.time_zone))}"


def _clock(time: Timestamp, since: Timestamp, zone: str) -> str:
    local = _local(time, zone)
    return f"{local:%H:%M}{_days(local, _local(since, zone))}"


def _days(local: datetime, since: datetime) -> str:
    """How many days later it is on the clocks there: ` +1`, ` -1` over the date line; empty on the same day."""
    days = (local.date() - since.date()).days
    return f" {days:+d}" if days else ""


def _local(time: Timestamp, zone: str) -> datetime:
    return time.ToDatetime(UTC).astimezone(ZoneInfo(zone))


def _length(duration: Duration) -> str:
    minutes = int(duration.ToTimedelta() / timedelta(minutes=1))
    return f"{minutes // 60} h {minutes % 60:02d}"
