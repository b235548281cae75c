"""Rows of `/timetable` and `/flightsFuture`. Their keys differ from `/flights`; missing values are ""."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from services.flightdata.model.flights import Operator
from services.flightdata.model.instants import Instant
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.vendors.aviationstack.flight_rows import delay
from services.flightdata.vendors.flight_numbers import canonical, joined, operator
from services.flightdata.vendors.flight_state import Movement
from services.flightdata.vendors.json_fields import Json, code, mapping, name, text, under
from services.flightdata.vendors.legs import End, Leg, details, leg_between
from services.flightdata.vendors.local_times import arrival_at, at_clock, clock_face, naive
from services.flightdata.vendors.plausibility import expected_block


def leg(row: Json, lexicon: Lexicon, day: date) -> Leg | None:
    """Read a row of a day's board. Return None if it isn't a flight, or lacks a number or a known airport."""
    equipment = name(under(row, "aircraft").get("modelCode"))
    airline = mapping(row.get("airline"))
    read = leg_between(
        _end(mapping(row.get("departure")), lexicon),
        _end(mapping(row.get("arrival")), lexicon),
        lexicon,
        flight=_number(mapping(row.get("flight")), airline),
        vendor_carrier=name(airline.get("name")),
        vendor_state=text(row.get("status")),
        operator=_operator(mapping(row.get("codeshared"))),
        equipment=equipment,
        aircraft=name(under(row, "aircraft").get("modelText")) or equipment.upper(),
    )
    return _dated(read, row, day) if read else None


def _number(flight: Json, airline: Json) -> str:
    return canonical(text(flight.get("iataNumber"))) or joined(
        code(airline.get("iataCode"), 2), text(flight.get("number"))
    )


def _end(row: Json, lexicon: Lexicon) -> End | None:
    airport = lexicon.airports.get(code(row.get("iataCode"), 3))
    if airport is None:
        return None
    movement = Movement(
        scheduled=naive(text(row.get("scheduledTime")), airport.zone),
        estimated=naive(text(row.get("estimatedTime")), airport.zone),
        actual=naive(text(row.get("actualTime")), airport.zone)
        or naive(text(row.get("actualRunway")), airport.zone),
        delay=delay(row),
    )
    # Future schedules write terminals and gates in lower case.
    terminal, gate, belt = (label.upper() for label in details(row))
    return End(airport.code, airport.city, airport.zone, movement, terminal, gate, belt)


def _dated(read: Leg, row: Json, day: date) -> Leg:
    """Add the days to times without a day, as in older rows (`20:00`).

    The departure is on the requested day. The arrival is on the day that fits the distance best.
    """
    departure, arrival = read.departure.movement, read.arrival.movement
    face = clock_face(text(under(row, "departure").get("scheduledTime")))
    if departure.scheduled is None and face:
        departure = replace(departure, scheduled=at_clock(face, day, read.departure.zone))
    if arrival.scheduled is None and departure.scheduled:
        arrival = replace(arrival, scheduled=_arrival(read, row, departure.scheduled))
    return replace(
        read,
        departure=replace(read.departure, movement=departure),
        arrival=replace(read.arrival, movement=arrival),
    )


def _arrival(read: Leg, row: Json, departure: Instant) -> Instant | None:
    face = clock_face(text(under(row, "arrival").get("scheduledTime")))
    if face is None or read.kilometres is None:
        return None
    return arrival_at(face, read.arrival.zone, departure, expected_block(read.kilometres))


def _operator(codeshared: Json) -> Operator | None:
    airline = mapping(codeshared.get("airline"))
    return operator(_number(mapping(codeshared.get("flight")), airline), name(airline.get("name")))
