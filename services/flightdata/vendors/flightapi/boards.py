"""Answers of `/schedule`, `/compschedule` and `/schedule/v2`: two with seconds since 1970, one with clock faces in the airport's zone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from services.flightdata.model import carriers
from services.flightdata.model.instants import Instant
from services.flightdata.places import Airport
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.protocol import Direction
from services.flightdata.vendors.flight_numbers import canonical, joined, parts
from services.flightdata.vendors.flight_state import Movement
from services.flightdata.vendors.flightapi.operated_by import operated_by
from services.flightdata.vendors.json_fields import Json, code, listing, mapping, objects, text, under
from services.flightdata.vendors.legs import End, Leg, end_at, measured
from services.flightdata.vendors.local_times import arrival_at, at_clock, clock_face, epoch
from services.flightdata.vendors.non_flights import is_test_carrier
from services.flightdata.vendors.plausibility import expected_block


def board_legs(body: Any, airport: Airport, direction: Direction, day: date, lexicon: Lexicon) -> list[Leg]:
    """The rows of an airport's board in any of the three shapes; the board's own airport may be left out of its rows."""
    if "data" in mapping(body):
        rows = objects(under(body, "data").get("flights"))
        return [leg for row in rows if (leg := _clock_row(row, airport, direction, day, lexicon))]
    pages = listing(body) or [body]
    return [
        leg
        for page in pages
        for row in _rows(page, direction)
        if (leg := _epoch_row(row, airport, direction, lexicon))
    ]


def _rows(page: Any, direction: Direction) -> Iterator[Json]:
    schedule = under(page, "airport", "pluginData", "schedule", direction.value)
    yield from (mapping(row.get("flight")) for row in objects(schedule.get("data")))


def _epoch_row(flight: Json, board: Airport, direction: Direction, lexicon: Lexicon) -> Leg | None:
    number = canonical(text(under(flight, "identification", "number").get("default")))
    here, there = (
        ("origin", "destination") if direction is Direction.DEPARTURES else ("destination", "origin")
    )
    airports = {
        here: board,
        there: lexicon.airports.get(code(under(flight, "airport", there, "code").get("iata"), 3)),
    }
    origin, destination = airports["origin"], airports["destination"]
    airline = text(under(flight, "airline").get("name"))
    if not number or origin is None or destination is None or is_test_carrier(parts(number)[0], airline):
        return None
    carrier = parts(number)[0]
    read = Leg(
        carrier_code=carrier,
        carrier=carriers.name_of(carrier, airline),
        flight=number,
        departure=_epoch_end(flight, "departure", origin, under(flight, "airport", "origin", "info")),
        arrival=_epoch_end(flight, "arrival", destination, under(flight, "airport", "destination", "info")),
        vendor_state=text(under(flight, "status").get("text")),
        airborne=under(flight, "status").get("live") is True,
        also_sold_as=tuple(
            filter(
                None, (canonical(text(n)) for n in listing(under(flight, "identification").get("codeshare")))
            )
        ),
        aircraft=text(under(flight, "aircraft", "model").get("text"))
        or text(under(flight, "aircraft", "model").get("code")),
    )
    return measured(read, origin, destination)


def _epoch_end(flight: Json, end: str, airport: Airport, info: Json) -> End:
    times = mapping(flight.get("time"))
    planned, estimated, real = (
        epoch(under(times, kind).get(end), airport.zone) for kind in ("scheduled", "estimated", "real")
    )
    return end_at(
        airport,
        Movement(planned, estimated, real),
        terminal=text(info.get("terminal")),
        gate=text(info.get("gate")),
        belt=text(info.get("baggage")),
    )


def _clock_row(row: Json, board: Airport, direction: Direction, day: date, lexicon: Lexicon) -> Leg | None:
    carrier = mapping(row.get("carrier"))
    number = joined(code(carrier.get("fs"), 2), text(carrier.get("flightNumber")))
    other = lexicon.airports.get(code(under(row, "airport").get("fs"), 3))
    if not number or other is None or is_test_carrier(parts(number)[0], text(carrier.get("name"))):
        return None
    origin, destination = (board, other) if direction is Direction.DEPARTURES else (other, board)
    read = Leg(
        carrier_code=parts(number)[0],
        carrier=carriers.name_of(parts(number)[0], text(carrier.get("name"))),
        flight=number,
        departure=end_at(origin, Movement()),
        arrival=end_at(destination, Movement()),
        operator=operated_by(text(row.get("operatedBy"))) if row.get("isCodeshare") is True else None,
    )
    return _dated(measured(read, origin, destination), row, direction, day)


def _dated(read: Leg, row: Json, direction: Direction, day: date) -> Leg:
    """The leg on its days: the board's own end is on the day asked for, the other as far from it as the flight takes."""
    faces = [clock_face(text(under(row, f"{end}Time").get("time24"))) for end in ("departure", "arrival")]
    if faces[0] is None or faces[1] is None or read.kilometres is None:
        return read
    block = expected_block(read.kilometres)
    if direction is Direction.DEPARTURES:
        leaves = at_clock(faces[0], day, read.departure.zone)
        arrives = arrival_at(faces[1], read.arrival.zone, leaves, block) if leaves else None
    else:
        arrives = at_clock(faces[1], day, read.arrival.zone)
        begun = [at_clock(faces[0], before, read.departure.zone) for before in _around(day)]
        fitting = [instant for instant in begun if instant and arrives and instant.utc < arrives.utc]
        leaves = (
            min(fitting, key=lambda instant: abs((arrives - instant) - block), default=None)
            if arrives
            else None
        )
    return replace(read, departure=_at(read.departure, leaves), arrival=_at(read.arrival, arrives))


def _around(day: date) -> Iterator[date]:
    yield from (date.fromordinal(day.toordinal() + days) for days in (-2, -1, 0, 1))


def _at(end: End, scheduled: Instant | None) -> End:
    return replace(end, movement=Movement(scheduled))
